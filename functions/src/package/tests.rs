use std::io::Read;

use super::*;

fn names(package: &Package) -> Vec<String> {
    let zip = zip::ZipArchive::new(Cursor::new(&package.bytes)).unwrap();
    zip.file_names().map(str::to_owned).collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

fn file(package: &Package, name: &str) -> (Vec<u8>, Option<u32>) {
    let mut zip = zip::ZipArchive::new(Cursor::new(&package.bytes)).unwrap();
    let mut file = zip.by_name(name).unwrap();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    (bytes, file.unix_mode())
}

fn l2(handler: Option<&[u8]>) -> Package {
    build(Contents { functions: &[Function::Dispatcher, Function::Persister], handler }).unwrap()
}

#[test]
fn equal_contents_make_equal_bytes() {
    assert_eq!(l2(Some(b"binary")), l2(Some(b"binary")));
    let swapped = build(Contents { functions: &[Function::Persister, Function::Dispatcher], handler: Some(b"binary") });
    assert_eq!(swapped.unwrap(), l2(Some(b"binary")), "the order in which functions are named means nothing");
    assert_ne!(l2(Some(b"binary")).digest, l2(Some(b"other")).digest);
    assert_ne!(l2(Some(b"binary")).digest, l2(None).digest);
}

#[test]
fn a_package_holds_what_the_host_looks_for() {
    let package = l2(Some(b"binary"));
    assert_eq!(names(&package), ["dispatcher/function.json", "handler", "host.json", "persister/function.json"]);
    let (bytes, mode) = file(&package, HANDLER);
    assert_eq!(bytes, b"binary");
    assert_eq!(mode.unwrap() & 0o777, 0o755, "the host starts it");
    assert_eq!(names(&l2(None)), ["dispatcher/function.json", "host.json", "persister/function.json"]);
}

#[test]
fn event_grid_functions_have_the_trigger_that_a_subscription_may_point_at() {
    let (bytes, _) = file(&l2(None), "dispatcher/function.json");
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(document["bindings"][0]["type"], "eventGridTrigger");
    let (bytes, _) = file(&l2(None), "persister/function.json");
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(document["bindings"][0]["type"], "httpTrigger");
    assert_eq!(document["bindings"][0]["route"], "persister");
}

#[test]
fn the_host_starts_the_handler() {
    let (bytes, _) = file(&l2(None), "host.json");
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(document["customHandler"]["description"]["defaultExecutablePath"], HANDLER);
    assert_eq!(document["version"], "2.0");
}
