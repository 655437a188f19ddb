use proptest::prelude::*;

use super::*;

const SUBSCRIPTION: &str = "11111111-2222-3333-4444-555555555555";

#[test]
fn names_are_the_plans() {
    let names = Names::new("factory", SUBSCRIPTION);
    let all = [
        names.resource_group(),
        names.identity(),
        names.storage_account(),
        names.iot_hub(),
        names.system_topic(),
        names.cosmos_account(),
        names.cosmos_container(),
        names.adt_instance(),
        names.function_app(Layer::L0),
        names.function_app(Layer::L2),
        names.function_app(Layer::L4),
        names.plan(Layer::L4),
        names.blob_container(BlobContainer::Packages(Layer::L4)),
        names.event_subscription(Function::AdtUpdater),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
factory-rg
factory-identity
factorywkyk6v
factory-hub-wkyk6v
factory-hub-events
factory-cosmos-wkyk6v
factory-hot-storage
factory-adt-wkyk6v
factory-l0-functions-wkyk6v
factory-l2-functions-wkyk6v
factory-l4-functions-wkyk6v
factory-l4-plan
l4-packages
factory-adt-updater
");
}

#[test]
fn the_suffix_is_stable_and_depends_on_both() {
    let suffix = |twin, subscription| Names::new(twin, subscription).suffix().to_owned();
    assert_eq!(
        suffix("factory", "ABCDEF00-0000-0000-0000-000000000000"),
        suffix("factory", "abcdef00-0000-0000-0000-000000000000")
    );
    assert_ne!(suffix("factory", SUBSCRIPTION), suffix("factory-2", SUBSCRIPTION));
    assert_ne!(suffix("factory", SUBSCRIPTION), suffix("factory", "00000000-0000-0000-0000-000000000000"));
}

#[test]
fn misfits_name_the_resource_and_its_rule() {
    let misfits = |twin| Names::new(twin, SUBSCRIPTION).misfits().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(misfits("factory"), [""; 0]);
    insta::assert_snapshot!(misfits("Factory_1")[0], @r#"the digital twin cannot be called "Factory_1": 1 to 35 characters, lower-case letters, digits and single hyphens between them, a letter first"#);
    let long = misfits("a-factory-with-a-very-long-name");
    assert!(long.iter().any(|text| text.contains("storage account")), "{long:?}");
}

#[test]
fn two_apps_never_share_their_host_id() {
    // The host's id is the first 32 characters of the app's name; two of one storage account must differ in them.
    let names = Names::new("abcdefghijklmnopqr", SUBSCRIPTION);
    assert_eq!(names.misfits(), []);
    let ids: std::collections::BTreeSet<String> =
        [Layer::L0, Layer::L2, Layer::L4].map(|layer| names.function_app(layer)[..32].to_owned()).into();
    assert_eq!(ids.len(), 3);
}

#[test]
fn device_ids_follow_the_cloud_of_layer_1() {
    use crate::topology::Cloud;
    assert_eq!(device_id("sensor.1", Cloud::Azure), None);
    assert!(device_id("sensor.1", Cloud::Aws).is_some());
    assert!(device_id("sensor 1", Cloud::Azure).is_some());
    assert_eq!(device_id("sensor 1", Cloud::Google), None);
    assert!(device_id("", Cloud::Google).is_some());
}

proptest! {
    #[test]
    fn a_suggestion_always_fits(twin in ".{0,60}") {
        let suggested = suggestion(&twin);
        prop_assert_eq!(Names::new(&suggested, SUBSCRIPTION).misfits(), vec![], "{}", suggested);
    }

    #[test]
    fn a_name_that_fits_is_its_own_suggestion(twin in "[a-z][a-z0-9]{0,7}(-[a-z0-9]{1,4}){0,2}") {
        if Names::new(&twin, SUBSCRIPTION).misfits().is_empty() {
            prop_assert_eq!(suggestion(&twin), twin);
        }
    }

    #[test]
    fn suffixes_are_lower_case_base_32(twin in ".{0,40}", subscription in ".{0,40}") {
        let names = Names::new(&twin, &subscription);
        prop_assert!(names.suffix().len() == 6 && names.suffix().bytes().all(|byte| BASE32.contains(&byte)));
    }
}
