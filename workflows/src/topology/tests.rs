//! The decisions against a reference that is written down by hand, row by row, from the product's tables.

use super::*;

/// Every (L4, L1, L2): 27 rows.
const FEEDS: &str = "
    aws    aws    aws    none
    aws    aws    azure  none
    aws    aws    google none
    aws    azure  aws    none
    aws    azure  azure  none
    aws    azure  google none
    aws    google aws    none
    aws    google azure  none
    aws    google google none
    azure  aws    aws    pusher
    azure  aws    azure  pusher
    azure  aws    google pusher
    azure  azure  aws    pusher
    azure  azure  azure  event-grid
    azure  azure  google pusher
    azure  google aws    pusher
    azure  google azure  pusher
    azure  google google pusher
    google aws    aws    none
    google aws    azure  none
    google aws    google none
    google azure  aws    none
    google azure  azure  none
    google azure  google none
    google google aws    none
    google google azure  none
    google google google none
";

/// Every pair of neighbours: whether a receiver stands between them. The last column is the hot-reader's, whose pair is
/// (L4, hot storage).
const BORDERS: &str = "
    aws    aws    no  no
    aws    azure  yes yes
    aws    google yes yes
    azure  aws    yes no
    azure  azure  no  no
    azure  google yes no
    google aws    yes no
    google azure  yes no
    google google no  no
";

fn cloud(name: &str) -> Cloud {
    Cloud::ALL.into_iter().find(|cloud| cloud.name() == name).unwrap()
}

fn rows(table: &'static str) -> Vec<Vec<&'static str>> {
    table.trim().lines().map(|line| line.split_whitespace().collect()).collect()
}

/// Every combination of clouds for the six layers: 729.
fn every() -> impl Iterator<Item = Providers> {
    (0..3usize.pow(6)).map(|number| {
        let layer = |place: u32| Cloud::ALL[number / 3usize.pow(place) % 3];
        Providers {
            l1: layer(0),
            l2: layer(1),
            l3_hot: layer(2),
            l3_cold: layer(3),
            l3_archive: layer(4),
            l4: layer(5),
        }
    })
}

#[test]
fn every_feed_is_the_tables() {
    let rows = rows(FEEDS);
    assert_eq!(rows.len(), 27);
    let combinations: std::collections::BTreeSet<_> = rows.iter().map(|row| &row[..3]).collect();
    assert_eq!(combinations.len(), 27, "each combination once");
    let mut checked = 0;
    for providers in every() {
        let row = rows
            .iter()
            .find(|row| (cloud(row[0]), cloud(row[1]), cloud(row[2])) == (providers.l4, providers.l1, providers.l2))
            .unwrap();
        assert_eq!(serde_json::to_value(Topology::of(providers).feed).unwrap(), row[3], "{providers:?}");
        checked += 1;
    }
    assert_eq!(checked, 729);
}

#[test]
fn every_border_is_the_tables() {
    let rows = rows(BORDERS);
    assert_eq!(rows.len(), 9);
    let expected = |from: Cloud, to: Cloud, column: usize| {
        rows.iter().find(|row| (cloud(row[0]), cloud(row[1])) == (from, to)).unwrap()[column] == "yes"
    };
    for p in every() {
        let topology = Topology::of(p);
        let borders = [
            (&topology.ingestion, p.l1, p.l2, 2),
            (&topology.hot_writer, p.l2, p.l3_hot, 2),
            (&topology.cold_writer, p.l3_hot, p.l3_cold, 2),
            (&topology.archive_writer, p.l3_cold, p.l3_archive, 2),
            (&topology.hot_reader, p.l4, p.l3_hot, 3),
        ];
        for (border, from, to, column) in borders {
            assert_eq!(border.is_some(), expected(from, to, column), "{p:?} {border:?}");
            assert!(border.as_ref().is_none_or(|border| (border.from, border.to) == (from, to)), "{p:?}");
        }
        assert_eq!(topology.adt_pusher.is_some(), topology.feed == Feed::Pusher, "{p:?}");
        assert!(topology.adt_pusher.as_ref().is_none_or(|b| (b.from, b.to) == (p.l2, Cloud::Azure)), "{p:?}");
    }
}

#[test]
fn every_receiver_is_hosted_where_its_border_ends() {
    for providers in every() {
        let topology = Topology::of(providers);
        let mut receivers: Vec<(Cloud, Function)> = topology.borders().map(|b| (b.to, b.function)).collect();
        let mut hosted: Vec<(Cloud, Function)> = Vec::new();
        for cloud in Cloud::ALL {
            hosted.extend(topology.functions(cloud, Layer::L0).iter().map(|function| (cloud, *function)));
        }
        receivers.sort_unstable();
        assert_eq!(hosted, receivers, "{providers:?}");
        assert!(topology.apps.iter().all(|app| !app.functions.is_empty() && providers.uses(app.cloud)));
    }
}

#[test]
fn compute_and_twin_functions_stand_where_they_are_needed() {
    for providers in every() {
        let topology = Topology::of(providers);
        let hosts = |function| {
            let apps = topology.apps.iter().filter(move |app| app.functions.contains(&function));
            apps.map(|app| (app.cloud, app.layer)).collect::<Vec<_>>()
        };
        assert_eq!(hosts(Function::Persister), [(providers.l2, Layer::L2)], "{providers:?}");
        let dispatches = providers.l1 == Cloud::Azure || (providers.l1 == Cloud::Aws && providers.l2 != Cloud::Aws);
        assert_eq!(
            hosts(Function::Dispatcher),
            [(providers.l1, Layer::L2)][..usize::from(dispatches)],
            "{providers:?}"
        );
        let connector = topology.functions(Cloud::Aws, Layer::L4).contains(&Function::HotReader);
        assert_eq!(connector, providers.l4 == Cloud::Aws, "{providers:?}");
        let updater = topology.feed == Feed::EventGrid;
        assert_eq!(hosts(Function::AdtUpdater), [(Cloud::Azure, Layer::L4)][..usize::from(updater)], "{providers:?}");
    }
}

#[test]
fn connection_names_are_unique_and_say_both_ends() {
    for providers in every() {
        let topology = Topology::of(providers);
        let names: std::collections::BTreeSet<_> = topology.borders().map(|border| &border.connection).collect();
        assert_eq!(names.len(), topology.borders().count(), "{providers:?}");
        let calls: std::collections::BTreeSet<_> = topology.calls().map(|call| &call.connection).collect();
        assert_eq!(calls.len(), topology.calls().count(), "{providers:?}");
        for call in topology.calls() {
            assert_eq!(topology.call(call.function), Some(call), "a function receives one call: {providers:?}");
        }
    }
    let far = Providers { l1: Cloud::Aws, ..Providers::all(Cloud::Azure) };
    let names: Vec<_> = Topology::of(far).borders().map(|border| border.connection.clone()).collect();
    assert_eq!(names, ["aws_l1_to_azure_l2", "azure_l2_to_azure_l4"]);
}

#[test]
fn one_cloud_alone_has_no_borders() {
    let topology = Topology::of(Providers::all(Cloud::Azure));
    assert_eq!(topology.borders().count(), 0);
    assert_eq!(topology.functions(Cloud::Azure, Layer::L0), []);
    assert_eq!(topology.functions(Cloud::Azure, Layer::L2), [Function::Dispatcher, Function::Persister]);
    assert_eq!(topology.functions(Cloud::Azure, Layer::L4), [Function::AdtUpdater]);
}
