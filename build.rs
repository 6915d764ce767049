//! Generates the bindings to the server that `PG_CONFIG` describes and compiles the C shim against the same headers.
//!
//! Environment: `PG_CONFIG` (default `pg_config` in PATH); bindgen's own `LIBCLANG_PATH` and `BINDGEN_EXTRA_CLANG_ARGS`;
//! cc's own `CC` and `CFLAGS`; `LDFLAGS` for the linker of the library.

use std::env;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

/// The oldest and the newest major that a cfg `pg_ge_N` exists for. The oldest needs none.
const OLDEST_MAJOR: u32 = 14;
const NEWEST_MAJOR: u32 = 19;

const HEADER: &str = "src/pg_sys/bindings.h";
const ALLOWLIST: &str = "src/pg_sys/allowlist.txt";
const SHIM: &str = "src/pg_sys/shim.c";
const PERSONALITY: &str = "src/pg_sys/personality.c";

fn main() {
    println!("cargo::rerun-if-env-changed=PG_CONFIG");
    println!("cargo::rerun-if-env-changed=LDFLAGS");
    for file in ["build.rs", HEADER, ALLOWLIST, SHIM, PERSONALITY] {
        println!("cargo::rerun-if-changed={file}");
    }
    for major in OLDEST_MAJOR + 1..=NEWEST_MAJOR {
        println!("cargo::rustc-check-cfg=cfg(pg_ge_{major})");
    }
    // Set by fuzz/run.sh, whose targets include src/channel/wire.
    println!("cargo::rustc-check-cfg=cfg(fuzzing)");
    if let Err(message) = build() {
        // A build script's panic would bury this line in a backtrace.
        println!("cargo::error={}", message.replace('\n', " "));
        exit(1);
    }
}

fn build() -> Result<(), String> {
    let server = Server::ask()?;
    for major in OLDEST_MAJOR + 1..=server.major.min(NEWEST_MAJOR) {
        println!("cargo::rustc-cfg=pg_ge_{major}");
    }
    compare_comm_methods(&server)?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: run this by cargo")?);
    let generated = [
        generate_bindings(&server, &out)?,
        list_hooks(&server, &out)?,
    ];
    compile_shim(&server, &generated, &out)?;
    link_arguments();
    Ok(())
}

/// A PostgreSQL installation as its pg_config describes it.
struct Server {
    major: u32,
    include_dirs: Vec<PathBuf>,
}

impl Server {
    fn ask() -> Result<Self, String> {
        let pg_config = env::var("PG_CONFIG").unwrap_or_else(|_| "pg_config".to_owned());
        let version = run_pg_config(&pg_config, "--version")?;
        let package = match version
            .split(|c: char| !c.is_ascii_digit())
            .find(|s| !s.is_empty())
        {
            Some(major) => format!("postgresql-server-dev-{major}"),
            None => "postgresql-server-dev-all".to_owned(),
        };
        let server_dir = PathBuf::from(run_pg_config(&pg_config, "--includedir-server")?);
        let internal_dir =
            PathBuf::from(run_pg_config(&pg_config, "--pkgincludedir")?).join("internal");
        let config = server_dir.join("pg_config.h");
        for file in [&config, &server_dir.join("postgres.h")] {
            if !file.is_file() {
                return Err(format!(
                    "{pg_config} says {version}, but {} is missing: install the server's headers (Debian: apt-get install {package})",
                    file.display()
                ));
            }
        }
        // 18 no longer has the second one; a file that is missing would make every build a full one.
        for file in [&config, &server_dir.join("pg_config_ext.h")] {
            if file.is_file() {
                println!("cargo::rerun-if-changed={}", file.display());
            }
        }
        let version_num = defined_number(&config, "PG_VERSION_NUM")?;
        let major = version_num / 10_000;
        if major < OLDEST_MAJOR {
            return Err(format!(
                "PostgreSQL {major} is too old: pg_background needs {OLDEST_MAJOR} or later (set PG_CONFIG to choose another installation)"
            ));
        }
        Ok(Self {
            major,
            include_dirs: vec![server_dir, internal_dir],
        })
    }

    /// What both clang and the C compiler must be told.
    fn c_flags(&self) -> Vec<String> {
        let mut flags: Vec<String> = self
            .include_dirs
            .iter()
            .map(|dir| format!("-I{}", dir.display()))
            .collect();
        if target_os() == "linux" {
            // As PostgreSQL itself is compiled (src/template/linux).
            flags.push("-D_GNU_SOURCE".to_owned());
        }
        flags
    }
}

fn run_pg_config(pg_config: &str, option: &str) -> Result<String, String> {
    let hint = "install PostgreSQL's server headers (Debian: apt-get install postgresql-server-dev-15, or another major) or set PG_CONFIG";
    let output = Command::new(pg_config)
        .arg(option)
        .output()
        .map_err(|error| format!("cannot run {pg_config}: {error}; {hint}"))?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        return Err(format!(
            "{pg_config} {option} failed: {}; {hint}",
            reason.trim()
        ));
    }
    let text = String::from_utf8(output.stdout)
        .map_err(|_| format!("{pg_config} {option} printed something that is not UTF-8"))?;
    Ok(text.trim().to_owned())
}

/// The value of `#define NAME number` in a header.
fn defined_number(header: &Path, name: &str) -> Result<u32, String> {
    let text = read(header)?;
    text.lines()
        .filter_map(|line| line.strip_prefix("#define "))
        .filter_map(|rest| rest.trim().strip_prefix(name))
        .find_map(|value| value.trim().parse().ok())
        .ok_or_else(|| format!("{} does not define {name}", header.display()))
}

/// Refuses to build when PQcommMethods is not what bindings.h copied from libpq/libpq.h.
fn compare_comm_methods(server: &Server) -> Result<(), String> {
    let theirs = server.include_dirs[0].join("libpq/libpq.h");
    let members = |text: &str| -> Option<String> {
        let end = text.find("} PQcommMethods;")?;
        let start = text[..end].rfind('{')?;
        Some(text[start + 1..end].split_whitespace().collect())
    };
    if members(&read(&theirs)?) == members(&read(Path::new(HEADER))?) {
        Ok(())
    } else {
        Err(format!(
            "PQcommMethods in {} is not what {HEADER} says it is",
            theirs.display()
        ))
    }
}

/// Writes bindings.rs and returns the C file with the wrappers of static inline functions.
fn generate_bindings(server: &Server, out: &Path) -> Result<PathBuf, String> {
    let wrappers = out.join("static_wrappers.c");
    let mut builder = bindgen::Builder::default()
        .header(HEADER)
        .clang_args(server.c_flags())
        .rust_target(bindgen::RustTarget::stable(85, 0).map_err(|error| error.to_string())?)
        .rust_edition(bindgen::RustEdition::Edition2024)
        .use_core()
        .ctypes_prefix("::core::ffi")
        .override_abi(bindgen::Abi::CUnwind, ".*")
        .wrap_static_fns(true)
        .wrap_static_fns_path(&wrappers)
        .default_enum_style(bindgen::EnumVariation::Consts)
        .prepend_enum_name(false)
        .derive_default(false)
        .layout_tests(false)
        .generate_comments(false)
        .formatter(bindgen::Formatter::None);
    for (number, line) in read(Path::new(ALLOWLIST))?.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        builder = match line.split_once(' ') {
            Some(("fn", name)) => builder.allowlist_function(name.trim()),
            Some(("type", name)) => builder.allowlist_type(name.trim()),
            Some(("var", name)) => builder.allowlist_var(name.trim()),
            _ => {
                return Err(format!(
                    "{ALLOWLIST}:{}: a line is `fn NAME`, `type NAME` or `var NAME`",
                    number + 1
                ));
            }
        };
    }

    // bindgen panics where libclang is missing; say it in our own words.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| builder.generate()));
    panic::set_hook(hook);
    let bindings = match outcome {
        Ok(Ok(bindings)) => bindings,
        Ok(Err(error)) => {
            return Err(format!(
                "libclang cannot read the server's headers (Debian: apt-get install libclang-dev): {error}"
            ));
        }
        Err(payload) => {
            let reason = payload
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| payload.downcast_ref::<&str>().copied())
                .unwrap_or("no reason given");
            return Err(if reason.contains("libclang") {
                "cannot find libclang: install it (Debian: apt-get install libclang-dev) or set LIBCLANG_PATH".to_owned()
            } else {
                format!("bindgen failed: {reason}")
            });
        }
    };
    let file = out.join("bindings.rs");
    bindings
        .write_to_file(&file)
        .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    Ok(wrappers)
}

/// Writes a C file with the addresses of the server's hook variables, of all that its headers declare: which there are differs
/// from major to major. Those of libpq/ are the postmaster's and of no concern to a process that is connected; and their headers
/// want OpenSSL's and GSSAPI's.
fn list_hooks(server: &Server, out: &Path) -> Result<PathBuf, String> {
    let root = &server.include_dirs[0];
    let mut folders = vec![root.clone()];
    let (mut headers, mut hooks) = (Vec::new(), Vec::new());
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder)
            .map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(root).unwrap_or(&path);
            if name.starts_with("libpq") || name.extension().is_none_or(|suffix| suffix != "h") {
                continue;
            }
            // Some header may not be UTF-8, in a name in a comment.
            let text = fs::read(&path)
                .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            let text = String::from_utf8_lossy(&text);
            let found = text.lines().filter_map(|line| {
                let declared = line.strip_prefix("extern ")?.strip_suffix(';')?;
                let hook = declared.split_whitespace().last()?;
                (hook.contains("_hook") && !hook.contains(['(', ')', '*', '[']))
                    .then(|| hook.to_owned())
            });
            let before = hooks.len();
            hooks.extend(found);
            if hooks.len() > before {
                headers.push(name.display().to_string());
            }
        }
    }
    headers.sort();
    hooks.sort();
    for known in ["planner_hook", "ExecutorRun_hook", "ProcessUtility_hook"] {
        if !hooks.iter().any(|hook| hook == known) {
            return Err(format!("{known} is not declared in {}", root.display()));
        }
    }
    let mut text = "#include \"postgres.h\"\n".to_owned();
    for header in headers {
        text += &format!("#include \"{header}\"\n");
    }
    text += "extern const void *const pgbg_hooks[];\nextern const int pgbg_hook_count;\n";
    text += "const void *const pgbg_hooks[] = {\n";
    for hook in &hooks {
        text += &format!("\t&{hook},\n");
    }
    text += &format!("}};\nconst int pgbg_hook_count = {};\n", hooks.len());
    let file = out.join("hooks.c");
    fs::write(&file, text).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    Ok(file)
}

/// Compiles the shim and the wrappers into one static library that is linked into ours.
fn compile_shim(server: &Server, generated: &[PathBuf], out: &Path) -> Result<(), String> {
    let manifest = env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| ".".to_owned());
    let compiler = || {
        let mut build = cc::Build::new();
        build.opt_level(2).warnings(true).extra_warnings(true);
        // The symbols are ours alone: another library in the same backend may have its own of the same name.
        build.flag("-fvisibility=hidden");
        // The same sources give the same library wherever they lie. The last one that fits counts.
        for (from, to) in [
            (Path::new(&manifest), "/usr/src/pg_background"),
            (out, "/usr/src/pg_background/target"),
        ] {
            build.flag_if_supported(format!("-ffile-prefix-map={}={to}", from.display()));
        }
        // PostgreSQL's headers are full of both.
        build.flag_if_supported("-Wno-unused-parameter");
        build.flag_if_supported("-Wno-sign-compare");
        build.include("src/pg_sys").include(&manifest);
        for flag in server.c_flags() {
            build.flag(flag);
        }
        build
    };
    let explain = |error: cc::Error| {
        format!("cannot compile the C shim (Debian: apt-get install gcc libc6-dev): {error}")
    };

    let mut shim = compiler();
    shim.file(SHIM);
    shim.files(generated.iter().filter(|file| file.is_file()));
    shim.try_compile("pgbg_shim").map_err(explain)?;

    let mut personality = compiler();
    personality
        .file(PERSONALITY)
        .out_dir(out.join("personality"))
        .cargo_metadata(false);
    for object in personality.try_compile_intermediates().map_err(explain)? {
        println!("cargo::rustc-link-arg-cdylib={}", object.display());
    }
    Ok(())
}

/// The server's symbols are resolved when it loads the library, not when the library is linked.
fn link_arguments() {
    for flag in env::var("LDFLAGS").unwrap_or_default().split_whitespace() {
        println!("cargo::rustc-link-arg-cdylib={flag}");
    }
    match target_os().as_str() {
        "macos" => println!("cargo::rustc-link-arg=-Wl,-undefined,dynamic_lookup"),
        // A shared library may have undefined symbols as it is; the executable of a unit test may not. The linker drops
        // the sections that no test reaches, and their references with them, so a test of pure code starts without a
        // server. One that does reach the server's symbols fails at its start with "symbol lookup error".
        _ => println!("cargo::rustc-link-arg=-Wl,--unresolved-symbols=ignore-all"),
    }
}

fn target_os() -> String {
    env::var("CARGO_CFG_TARGET_OS").unwrap_or_default()
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}
