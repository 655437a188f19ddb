//! Crashes by chance, and at every point in turn.

use std::sync::Arc;

use proptest::prelude::*;

use super::{
    super::{Start, batch::MOST_EVENTS},
    world::{Fate, World, arrived, check, expected, grow, settle},
};

fn fates(crashes: bool, parts: bool) -> impl Strategy<Value = Vec<Fate>> {
    let mut all = vec![Fate::Done, Fate::Done, Fate::Refused];
    all.extend(crashes.then_some([Fate::CrashBefore, Fate::CrashAfter]).into_iter().flatten());
    all.extend(parts.then_some([Fate::Partly, Fate::Partly]).into_iter().flatten());
    prop::collection::vec(prop::sample::select(all), 0..60)
}

fn growths() -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
    let stream = prop::sample::select(vec!["factory", "plant", "mill"]);
    prop::collection::vec((stream, prop::collection::vec(any::<u8>(), 0..40)), 1..6)
}

fn simulate(growths: &[(&str, Vec<u8>)], fates: Vec<Fate>) -> (Arc<World>, u32) {
    let world = Arc::new(World::default());
    world.fates.lock().unwrap().extend(fates);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut crashes = runtime.block_on(settle(&world, Start::Now));
    for (stream, choices) in growths {
        grow(&world, stream, choices);
        crashes += runtime.block_on(settle(&world, Start::Now));
    }
    (world, crashes)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn whatever_crashes_no_event_is_lost_changed_or_out_of_order(growths in growths(), fates in fates(true, false)) {
        let (world, crashes) = simulate(&growths, fates);
        check(&world, true);
        let sent = world.wire.lock().unwrap().len();
        let repeated = sent - arrived(&world).len();
        prop_assert!(repeated <= crashes as usize * MOST_EVENTS, "a crash repeats one batch at most");
    }

    #[test]
    fn what_is_taken_in_part_is_finished_crashes_or_not(growths in growths(), fates in fates(true, true)) {
        check(&simulate(&growths, fates).0, false);
    }

    #[test]
    fn without_a_crash_nothing_is_sent_twice(growths in growths(), fates in fates(false, true)) {
        let (world, crashes) = simulate(&growths, fates);
        prop_assert_eq!(crashes, 0);
        prop_assert_eq!(world.wire.lock().unwrap().len(), expected(&world).len());
    }
}

/// Every point in turn, rather than by chance.
#[test]
fn a_crash_before_and_after_every_single_point_is_made_good() {
    let growths =
        [("factory", (0..60).collect::<Vec<u8>>()), ("plant", (0..25).collect()), ("factory", (0..7).collect())];
    for fate in [Fate::CrashBefore, Fate::CrashAfter, Fate::Refused] {
        let mut point = 0;
        loop {
            let mut fates = vec![Fate::Done; point];
            fates.push(fate);
            let (world, _) = simulate(&growths, fates);
            check(&world, true);
            if !world.fates.lock().unwrap().is_empty() {
                break;
            }
            point += 1;
        }
        assert!(point > 20, "{point} points are too few for so many batches");
    }
}
