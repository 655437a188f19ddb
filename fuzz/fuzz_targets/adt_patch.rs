#![no_main]

#[path = "../src/adt_patch.rs"]
mod adt_patch;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    adt_patch::adt_patch(input);
});
