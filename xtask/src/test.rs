//! Every check and every test: the sources are looked at while the products are built, then each kind of test
//! has the machine for itself.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::step::{quote, run as execute};
use crate::tools::{self, APP, Need, Toolbox};
use crate::workspace::Workspace;
use crate::{build, tokens};

/// What to test.
#[derive(clap::Args)]
pub struct Args {
    /// Only tests whose name contains this; the checks that are no tests are left out
    filter: Option<String>,
    /// Only these steps, and what they need
    #[arg(long, value_name = "STEP", value_parser = STEPS.each_ref().map(|step| step.name))]
    only: Vec<String>,
}

/// How to soak.
#[derive(clap::Args)]
pub struct SoakArgs {
    /// Only tests whose name contains this
    filter: Option<String>,
    /// Cases of each property
    #[arg(long, default_value_t = 100_000)]
    cases: u32,
    /// For how long broken answers are read, and broken frames, in seconds
    #[arg(long, default_value_t = 600)]
    garbage_seconds: u32,
    /// How often the browser is killed around a trade
    #[arg(long, default_value_t = 50)]
    kills: u32,
}

/// A part of the whole that passes or fails by itself.
struct Step {
    name: &'static str,
    /// Steps whose results it works with.
    needs: &'static [&'static str],
    /// Tools it takes.
    tools: &'static [Need],
    lane: Lane,
    run: Run,
}

/// Whom a step may run beside. Linking the app keeps one core busy for minutes, so the two products are
/// built while the sources are looked at; tests have the machine for themselves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lane {
    /// Looks at the sources; beside the builds.
    Look,
    /// Makes what the stories run; beside the looks.
    Build,
    /// Runs tests that can be picked by name; after both, alone.
    Test,
}

type Run = fn(&Bench<'_>) -> Result<Count>;

static STEPS: [Step; 10] = {
    use Lane::{Build, Look, Test};
    const fn step(
        name: &'static str,
        lane: Lane,
        needs: &'static [&'static str],
        tools: &'static [Need],
        run: Run,
    ) -> Step {
        Step { name, needs, tools, lane, run }
    }
    [
        step("format", Look, &[], &[], format),
        step("dependencies", Look, &[], &[Need::Crates, Need::CargoDeny], dependencies),
        step("generated", Look, &[], &[Need::Packages("xtask/npm")], generated),
        step("clippy", Look, &[], &[], clippy),
        step("clippy-wasm", Look, &[], &[Need::WasmTarget], clippy_wasm),
        step("app", Build, &[], &APP, app),
        step("server", Build, &["app"], &[], server),
        step("native", Test, &[], &[Need::Packages("tests/contracts"), Need::Redis, Need::Python], native),
        step("wasm", Test, &[], &[Need::WasmTarget, Need::WasmBindgen, Need::Chromium], wasm),
        step("browser", Test, &["app", "server"], &[Need::Packages("tests/browser"), Need::Chromium], browser),
    ]
};

/// What the steps work with.
struct Bench<'a> {
    workspace: &'a Workspace,
    tools: Toolbox,
    filter: Option<&'a str>,
    /// The steps of this run.
    steps: &'a [&'static Step],
}

/// Tests that passed and failed. A check counts as one.
#[derive(Clone, Copy, Default)]
struct Count {
    passed: u64,
    failed: u64,
}

impl Count {
    const PASSED: Self = Self { passed: 1, failed: 0 };
    const FAILED: Self = Self { passed: 0, failed: 1 };
}

/// `cargo xtask test`.
pub fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let filter = args.filter.as_deref();
    let wanted = |step: &Step| match &args.only[..] {
        [] => filter.is_none() || step.lane == Lane::Test,
        only => only.iter().any(|name| name == step.name),
    };
    let needed = |step: &Step| STEPS.iter().any(|other| wanted(other) && other.needs.contains(&step.name));
    let steps: Vec<&'static Step> = STEPS.iter().filter(|step| wanted(step) || needed(step)).collect();

    let tools = Toolbox::with(workspace, steps.iter().flat_map(|step| step.tools))?;
    let bench = Bench { workspace, tools, filter, steps: &steps };
    let start = Instant::now();
    let mut rows = thread::scope(|scope| {
        let built = scope.spawn(|| bench.run(Lane::Build, Vec::new()));
        let mut rows = bench.run(Lane::Look, Vec::new());
        rows.extend(built.join().unwrap_or_else(|_| vec![("builds", 0.0, Count::FAILED)]));
        rows
    });
    rows = bench.run(Lane::Test, rows);
    conclude(&rows, start.elapsed().as_secs_f64())
}

/// What a step took, in seconds, and what came of it.
type Row = (&'static str, f64, Count);

/// Prints the table, with the time of the whole, and the closing line, and ends the process.
fn conclude(rows: &[Row], seconds: f64) -> ! {
    println!("\n{:<14}{:>9}{:>9}{:>9}", "step", "seconds", "passed", "failed");
    let mut sum = Count::default();
    for (name, time, Count { passed, failed }) in rows {
        println!("{name:<14}{time:>9.1}{passed:>9}{failed:>9}");
        sum = Count { passed: sum.passed + passed, failed: sum.failed + failed };
    }
    println!("{:<14}{seconds:>9.1}\n", "total");
    println!("{} passed, {} failed", sum.passed, sum.failed);
    std::process::exit(i32::from(sum.failed > 0))
}

/// `cargo xtask soak`: the same properties, many more cases, optimised; and a browser that is killed many more times.
pub fn soak(workspace: &Workspace, args: &SoakArgs) -> Result<()> {
    let whole = Instant::now();
    let mut rows = Vec::new();
    let mut timed = |name, work: &dyn Fn() -> Result<Count>| {
        let start = Instant::now();
        let count = work().unwrap_or_else(|error| {
            eprintln!("[xtask] {name}: {error:#}");
            Count::FAILED
        });
        rows.push((name, start.elapsed().as_secs_f64(), count));
    };
    timed("properties", &|| {
        let mut cargo = Command::new("cargo");
        cargo
            .current_dir(&workspace.root)
            .args([
                "test",
                "--release",
                "--locked",
                "--package=shared",
                "--package=backend",
                "--package=tests",
                "--no-fail-fast",
            ])
            .args(&args.filter)
            .env("FOOLSCAP_CASES", args.cases.to_string())
            .env("PROPTEST_CASES", args.cases.to_string())
            .env("FOOLSCAP_GARBAGE_SECONDS", args.garbage_seconds.to_string())
            .env("FOOLSCAP_FUZZ_SECONDS", args.garbage_seconds.to_string());
        counted(&mut cargo, cargo_count)
    });
    if args.filter.as_deref().is_none_or(|filter| KILLS.contains(filter)) {
        timed("kills", &|| {
            let needs = APP.iter().chain(&[Need::Packages("tests/browser"), Need::Chromium]);
            let tools = Toolbox::with(workspace, needs)?;
            build::everything(workspace, &tools, &build::Args { dev: false, public_url: "/".into() })?;
            let mut playwright = playwright(workspace, &tools, "release")?;
            counted(playwright.args(["--grep", KILLS]).env("FOOLSCAP_KILLS", args.kills.to_string()), playwright_count)
        });
    }
    conclude(&rows, whole.elapsed().as_secs_f64())
}

/// By this the story of the killed browser is found.
const KILLS: &str = "killed";

impl Bench<'_> {
    /// Runs the steps of a lane one after the other, and adds to what ran before.
    fn run(&self, lane: Lane, mut rows: Vec<Row>) -> Vec<Row> {
        for step in self.steps.iter().filter(|step| step.lane == lane) {
            eprintln!("\n[xtask] ── {} ──", step.name);
            let start = Instant::now();
            let broken = rows.iter().find(|(name, _, count)| step.needs.contains(name) && count.failed > 0);
            let result = match broken {
                Some((name, ..)) => Err(anyhow::anyhow!("not run, because `{name}` failed")),
                None => (step.run)(self),
            };
            let count = result.unwrap_or_else(|error| {
                eprintln!("[xtask] {}: {error:#}", step.name);
                Count::FAILED
            });
            rows.push((step.name, start.elapsed().as_secs_f64(), count));
        }
        rows
    }

    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut cargo = self.tools.command("cargo");
        cargo.current_dir(&self.workspace.root).args(arguments);
        cargo
    }

    fn cargo_wasm(&self, arguments: &[&str]) -> Command {
        let mut cargo = self.tools.wasm_command("cargo");
        cargo.current_dir(&self.workspace.root).args(arguments);
        cargo.args(["--target=wasm32-unknown-unknown", "--locked", "--package=shared", "--package=frontend"]);
        cargo
    }

    /// Whether this run has taken a step, with every test of it.
    fn ran(&self, name: &str) -> bool {
        self.filter.is_none() && self.steps.iter().any(|step| step.name == name)
    }

    /// A run of tests without any would pass whatever we did.
    fn insist(&self, count: Count) -> Result<Count> {
        ensure!(self.filter.is_some() || count.passed + count.failed > 0, "no test ran");
        Ok(count)
    }
}

fn format(bench: &Bench<'_>) -> Result<Count> {
    execute(&mut bench.cargo(&["fmt", "--all", "--check"])).map(|()| Count::PASSED)
}

/// Duplicates are for `cargo deny check bans` by hand: most are others' to mend.
fn dependencies(bench: &Bench<'_>) -> Result<Count> {
    let mut deny = bench.cargo(&["deny", "--offline", "check", "--allow=duplicate", "bans", "licenses", "sources"]);
    execute(&mut deny).map(|()| Count::PASSED)
}

fn generated(bench: &Bench<'_>) -> Result<Count> {
    tokens::generate(bench.workspace, true).map(|()| Count::PASSED)
}

fn clippy(bench: &Bench<'_>) -> Result<Count> {
    let mut clippy = bench.cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]);
    // The server's build script is not to read `dist/` while the app is being moved there.
    execute(clippy.env("FOOLSCAP_DIST", bench.workspace.target.join("tmp/no-app"))).map(|()| Count::PASSED)
}

fn clippy_wasm(bench: &Bench<'_>) -> Result<Count> {
    let mut check = if bench.tools.wasm_is_native() {
        let mut clippy = bench.cargo_wasm(&["clippy", "--all-targets", "--package=benches"]);
        clippy.args(["--", "-D", "warnings"]);
        clippy
    } else {
        eprintln!("[xtask] clippy lacks the wasm32 target here; compiling instead");
        bench.cargo_wasm(&["check", "--all-targets", "--package=benches"])
    };
    execute(&mut check).map(|()| Count::PASSED)
}

fn app(bench: &Bench<'_>) -> Result<Count> {
    let how = build::Args { dev: false, public_url: "/".into() };
    build::app(bench.workspace, &bench.tools, &how).map(|()| Count::PASSED)
}

/// The app's own rooms that need no browser are tested here too.
fn native(bench: &Bench<'_>) -> Result<Count> {
    let mut cargo = bench.cargo(&["test", "--workspace", "--locked", "--no-fail-fast"]);
    bench.insist(counted(cargo.args(bench.filter), cargo_count)?)
}

fn wasm(bench: &Bench<'_>) -> Result<Count> {
    let mut cargo = bench.cargo_wasm(&["test", "--no-fail-fast"]);
    cargo.env("FOOLSCAP_AGREEMENT", agreement(bench)?);
    cargo
        .args(bench.filter)
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", "wasm-bindgen-test-runner")
        .env("CHROMEDRIVER", tools::chromedriver())
        .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", bench.workspace.path("xtask/webdriver.json"))
        .env("WASM_BINDGEN_TEST_ONLY_WEB", "1")
        .env("WASM_BINDGEN_TEST_TIMEOUT", "900")
        .env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "60");
    bench.insist(counted(&mut cargo, cargo_count)?)
}

/// What a native run computed, for the browser to agree with: see `shared/tests/agreement.rs`.
fn agreement(bench: &Bench<'_>) -> Result<String> {
    let path = bench.workspace.target.join("tmp/agreement");
    if !bench.ran("native") {
        execute(&mut bench.cargo(&["test", "--workspace", "--locked", "--test=agreement"]))?;
    }
    fs::read_to_string(&path).with_context(|| path.display().to_string())
}

fn server(bench: &Bench<'_>) -> Result<Count> {
    build::server(bench.workspace, &bench.tools, false).map(|_| Count::PASSED)
}

fn browser(bench: &Bench<'_>) -> Result<Count> {
    // Asked for as `native` asks for it, so that nothing is compiled twice.
    execute(&mut bench.cargo(&["test", "--workspace", "--locked", "--no-run", "--quiet"]))?;
    let mut playwright = playwright(bench.workspace, &bench.tools, "release")?;
    playwright.args(bench.filter.iter().flat_map(|filter| ["--grep", filter]));
    bench.insist(counted(&mut playwright, playwright_count)?)
}

/// The browser's stories against what was built; `profile` is the folder of the server.
pub fn playwright(workspace: &Workspace, tools: &Toolbox, profile: &str) -> Result<Command> {
    let mut playwright = tools.command("npx");
    playwright
        .current_dir(workspace.path("tests/browser"))
        .args(["--no-install", "playwright", "test", "--reporter=list"])
        .env("FOOLSCAP_BIN", workspace.built(profile, "foolscap"))
        .env("COINGECKO_BIN", workspace.built("debug", "coingecko"))
        .env("FOOLSCAP_DIST", workspace.path("dist"))
        .env("XTASK_BIN", std::env::current_exe()?)
        .env("CHROMIUM", tools::chromium());
    Ok(playwright)
}

/// Runs tests, shows what they print and counts by it. A failure that no line tells of (a test that
/// did not compile, a crash) counts as one.
fn counted(command: &mut Command, count: fn(&str) -> Count) -> Result<Count> {
    let line = quote(command);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().with_context(|| format!("can't run `{line}`"))?;
    let mut sum = Count::default();
    for line in BufReader::new(child.stdout.take().context("no output")?).lines() {
        let line = line?;
        println!("{line}");
        let Count { passed, failed } = count(&line);
        sum = Count { passed: sum.passed + passed, failed: sum.failed + failed };
    }
    let status = child.wait()?;
    if !status.success() {
        eprintln!("[xtask] `{line}` failed ({status})");
        sum.failed = sum.failed.max(1);
    }
    Ok(sum)
}

/// Reads `test result: ok. 3 passed; 0 failed; …`, as libtest and wasm-bindgen's runner print it.
fn cargo_count(line: &str) -> Count {
    let Some(result) = line.trim().strip_prefix("test result: ") else {
        return Count::default();
    };
    Count { passed: number_before(result, " passed"), failed: number_before(result, " failed") }
}

/// Reads Playwright's closing lines: `  12 passed (3.4s)`, `  1 failed`.
fn playwright_count(line: &str) -> Count {
    match line.trim().split_once(' ').map(|(n, rest)| (n.parse(), rest)) {
        Some((Ok(passed), rest)) if rest.starts_with("passed (") => Count { passed, failed: 0 },
        Some((Ok(failed), "failed")) => Count { passed: 0, failed },
        _ => Count::default(),
    }
}

/// The number that stands before a word.
fn number_before(text: &str, word: &str) -> u64 {
    let Some((before, _)) = text.split_once(word) else {
        return 0;
    };
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn cargos_closing_lines_are_counted() {
        let Count { passed, failed } = cargo_count(
            "test result: FAILED. 31 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s",
        );
        assert_eq!((passed, failed), (31, 2));
        let Count { passed, failed } = cargo_count("test money::rounding_is_half_even ... ok");
        assert_eq!((passed, failed), (0, 0));
    }

    #[test]
    fn playwrights_closing_lines_are_counted() {
        let counts = ["  12 passed (3.4s)", "  1 failed", "  1 flaky", "    3 failed attempts", "Running 13 tests"];
        let counts = counts.map(playwright_count).map(|Count { passed, failed }| (passed, failed));
        assert_eq!(counts, [(12, 0), (0, 1), (0, 0), (0, 0), (0, 0)]);
    }

    #[test]
    fn every_need_of_a_step_is_built_before_it() {
        for (i, step) in STEPS.iter().enumerate() {
            let built =
                |need: &&str| STEPS[..i].iter().any(|earlier| earlier.name == *need && earlier.lane == Lane::Build);
            assert!(step.needs.iter().all(built), "{}", step.name);
            assert!(step.needs.is_empty() || step.lane != Lane::Look, "{}", step.name);
        }
    }
}
