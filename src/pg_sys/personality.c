/*
 * Rust's core library is compiled with unwinding and names this symbol in its tables. Nothing unwinds here (panic =
 * "abort"), so it is never called. It is linked into the library alone: unit tests use the standard library's.
 */
void		rust_eh_personality(void);

void
rust_eh_personality(void)
{
}
