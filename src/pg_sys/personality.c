/*
 * Rust's core library is compiled with unwinding and names this symbol in its tables. Nothing unwinds here (panic =
 * "abort"), so it is never called. It is weak because unit tests have the standard library's as well.
 */
__attribute__((weak)) void rust_eh_personality(void);

void
rust_eh_personality(void)
{
}
