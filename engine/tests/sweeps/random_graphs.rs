//! Random graphs, random redeploys, random crashes.

use engine::sweep::{
    Disturbed, Scenario,
    crash::{self, Kills},
    random, repeat, unwind,
};
use proptest::prelude::*;

use crate::fake::{
    specs::{Kind, Part, digest, part},
    worlds::Fakes,
};

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        4 => Just(Kind::Plain),
        2 => (1..3_u32).prop_map(Kind::Slow),
        1 => Just(Kind::Bare),
        1 => proptest::sample::subsequence(vec!["1", "2", "3", "4"], 1..4)
            .prop_map(|items| Kind::Bulk(items.into_iter().map(str::to_owned).collect())),
        1 => Just(Kind::Gate),
    ]
}

/// A graph of up to six parts. Ids carry the kind, as real ones carry what identifies the resource.
fn parts() -> impl Strategy<Value = Vec<Part>> {
    let one = (kind(), any::<u8>(), 1..3_u32, 0..9_usize);
    proptest::collection::vec(one, 1..6).prop_map(|drawn| {
        let mut parts: Vec<Part> = Vec::new();
        for (kind, needs, version, name) in drawn {
            let word = match &kind {
                Kind::Plain => "plain",
                Kind::Slow(_) => "slow",
                Kind::Bare => "bare",
                Kind::Bulk(_) => "bulk",
                Kind::Gate => "gate",
            };
            let id = format!("{word}-{name}");
            if parts.iter().any(|part| part.id == id) {
                continue;
            }
            let needs: Vec<usize> = (0..parts.len()).filter(|index| needs >> index & 1 == 1).collect();
            parts.push(part(&id, kind, &needs).version(version));
        }
        parts
    })
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn any_redeploy_survives_every_sweep(before in parts(), after in parts(), seed in any::<u32>()) {
        let worlds = Fakes::new(&[before, after]);
        let run = Disturbed::Deploy(digest(1));
        let scenario = Scenario { name: "random".into(), before: vec![digest(0)], run };
        block_on(async {
            repeat::actions(&worlds, &scenario).await;
            unwind::every_failure(&worlds, &scenario).await;
            unwind::every_compensation(&worlds, &scenario).await;
            crash::resumed(&worlds, &scenario, Kills::ONCE).await;
            crash::rolled_back(&worlds, &scenario, Kills::ONCE).await;
            random::storm(&worlds, &scenario, u64::from(seed)..u64::from(seed) + 3).await;
        });
    }
}
