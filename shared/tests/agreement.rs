//! The browser computes the bytes that the server computes: one hash over the journals and accounts
//! of many random stories, taken natively and in WASM.
//!
//! The native test leaves the hash in Cargo's folder for tests; `cargo xtask test` hands it to the
//! browser's when it compiles that. `FOOLSCAP_CASES` sets the number of stories.

/// Stories, unless told otherwise.
const CASES: u64 = 10_000;

#[cfg(not(target_family = "wasm"))]
#[test]
fn a_native_run_leaves_its_hash_for_the_browser() {
    let cases = std::env::var("FOOLSCAP_CASES").map_or(CASES, |text| text.parse().expect("a whole number"));
    let digest = shared::testing::digest_of_cases(0, cases).unwrap();
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/agreement"), format!("{cases} {digest}")).unwrap();
}

#[cfg(target_family = "wasm")]
mod browser {
    use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

    wasm_bindgen_test_configure!(run_in_browser);

    #[wasm_bindgen_test]
    fn a_browser_computes_what_a_native_run_computed() {
        let Some(native) = option_env!("FOOLSCAP_AGREEMENT") else {
            panic!("`cargo xtask test --only wasm` hands over what a native run computed");
        };
        let (cases, digest) = native.split_once(' ').expect("cases and hash");
        let cases = cases.parse().expect("a whole number");
        assert!(cases >= super::CASES.min(100), "{cases} stories say nothing");
        assert_eq!(shared::testing::digest_of_cases(0, cases).unwrap().to_string(), digest);
    }
}
