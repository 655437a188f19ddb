//! The tables, written out: every combination has one line or one rule that covers it.

use journal::{
    event::{Action, Outcome, Undo},
    state::Provenance,
};

use super::*;

const DEPLOYED: [Option<Provenance>; 4] =
    [None, Some(Provenance::Created), Some(Provenance::Adopted), Some(Provenance::Found)];
const IN_DOUBT: [Option<Action>; 5] =
    [None, Some(Action::Create), Some(Action::Update), Some(Action::Adopt), Some(Action::Delete)];

fn ownerships() -> [Ownership; 4] {
    [Ownership::Ours, Ownership::Theirs("the other".into()), Ownership::Unmarked, Ownership::Unmarkable]
}

fn seen(ownership: Ownership, exact: bool) -> Observation<()> {
    let fit = if exact { Fit::Exact } else { Fit::Differs(vec!["size".into()]) };
    Observation::Present { ownership, fit, output: Some(()) }
}

fn known(deployed: Option<Provenance>, in_doubt: Option<Action>) -> Known {
    Known { deployed, in_doubt }
}

/// Every combination of what is known, what is seen, and the operator's word.
fn everything() -> Vec<(Known, Ownership, bool, bool)> {
    let mut all = Vec::new();
    for deployed in DEPLOYED {
        for in_doubt in IN_DOUBT {
            for ownership in ownerships() {
                for exact in [true, false] {
                    for adopt in [true, false] {
                        all.push((known(deployed, in_doubt), ownership.clone(), exact, adopt));
                    }
                }
            }
        }
    }
    all
}

#[test]
fn what_is_absent_is_created_whatever_is_known() {
    for (known, _, _, adopt) in everything() {
        let decision = forward::<()>(known, &Observation::Absent, adopt);
        assert_eq!(decision, Decision::Act { action: Action::Create, outcome: Outcome::Created }, "{known:?}");
    }
}

#[test]
fn the_table() {
    use Provenance::{Adopted, Created, Found};
    let take = Decision::Take;
    let act = |action, outcome| Decision::Act { action, outcome };
    let ours = || Ownership::Ours;
    let bare = || Ownership::Unmarkable;
    let unmarked = || Ownership::Unmarked;
    let theirs = || Ownership::Theirs("the other".into());
    let (create, update) = (Some(Action::Create), Some(Action::Update));
    #[rustfmt::skip]
    let table = [
        // deployed,      in doubt,             seen,       exact, decision
        (None,            None,                 ours(),     true,  take(Outcome::Adopted)),
        (None,            None,                 ours(),     false, act(Action::Adopt, Outcome::Adopted)),
        (None,            create,               ours(),     true,  take(Outcome::Created)),
        (None,            create,               ours(),     false, act(Action::Create, Outcome::Created)),
        (None,            create,               bare(),     true,  take(Outcome::Created)),
        (None,            create,               bare(),     false, act(Action::Create, Outcome::Created)),
        (None,            Some(Action::Adopt),  unmarked(), true,  take(Outcome::Adopted)),
        (None,            Some(Action::Adopt),  unmarked(), false, act(Action::Adopt, Outcome::Adopted)),
        (None,            None,                 bare(),     true,  take(Outcome::Found)),
        (Some(Created),   None,                 ours(),     true,  take(Outcome::Unchanged)),
        (Some(Created),   None,                 ours(),     false, act(Action::Update, Outcome::Updated)),
        (Some(Created),   update,               ours(),     true,  take(Outcome::Updated)),
        (Some(Created),   update,               ours(),     false, act(Action::Update, Outcome::Updated)),
        (Some(Created),   None,                 bare(),     true,  take(Outcome::Unchanged)),
        (Some(Created),   None,                 bare(),     false, act(Action::Update, Outcome::Updated)),
        (Some(Created),   create,               ours(),     true,  take(Outcome::Created)),
        (Some(Adopted),   None,                 ours(),     true,  take(Outcome::Unchanged)),
        (Some(Adopted),   None,                 ours(),     false, act(Action::Update, Outcome::Updated)),
        (Some(Adopted),   None,                 bare(),     false, act(Action::Update, Outcome::Updated)),
        (Some(Adopted),   None,                 unmarked(), true,  take(Outcome::Unchanged)),
        (Some(Adopted),   update,               unmarked(), true,  take(Outcome::Updated)),
        (Some(Adopted),   None,                 theirs(),   true,  take(Outcome::Unchanged)),
        (Some(Adopted),   None,                 theirs(),   false, act(Action::Update, Outcome::Updated)),
        (Some(Found),     None,                 bare(),     true,  take(Outcome::Found)),
        (Some(Found),     None,                 unmarked(), true,  take(Outcome::Found)),
    ];
    for (deployed, in_doubt, ownership, exact, decision) in table {
        let context = format!("{deployed:?} {in_doubt:?} {ownership:?} {exact}");
        assert_eq!(forward(known(deployed, in_doubt), &seen(ownership, exact), false), decision, "{context}");
    }
}

#[test]
fn what_is_not_ours_is_refused_unless_adopted() {
    use Provenance::{Created, Found};
    let foreign = [
        (None, Ownership::Theirs("the other".into())),
        (None, Ownership::Unmarked),
        (None, Ownership::Unmarkable),
        (Some(Created), Ownership::Theirs("the other".into())),
        (Some(Created), Ownership::Unmarked),
        (Some(Found), Ownership::Unmarkable),
    ];
    for (deployed, ownership) in foreign {
        let known = known(deployed, None);
        let differing = seen(ownership.clone(), false);
        assert!(matches!(forward(known, &differing, false), Decision::Refuse { .. }), "{deployed:?} {ownership:?}");
        let adopted = Decision::Act { action: Action::Adopt, outcome: Outcome::Adopted };
        assert_eq!(forward(known, &differing, true), adopted, "{deployed:?} {ownership:?}");
    }
    let theirs = seen(Ownership::Theirs("the other".into()), true);
    assert_eq!(forward(Known::default(), &theirs, false), Decision::Refuse { owner: "the other".into() });
    assert_eq!(forward(Known::default(), &theirs, true), Decision::Take(Outcome::Adopted));
}

#[test]
fn a_mark_of_others_is_never_overwritten_without_the_operators_word() {
    for (known, ownership, exact, adopt) in everything() {
        let theirs = matches!(ownership, Ownership::Theirs(_));
        let word_given = known.in_doubt == Some(Action::Adopt) || known.deployed == Some(Provenance::Adopted);
        let allowed = adopt || word_given;
        let decision = forward(known, &seen(ownership, exact), adopt);
        assert!(!theirs || allowed || !matches!(decision, Decision::Act { .. }), "{known:?}: {decision:?}");
    }
}

#[test]
fn what_was_not_made_by_us_never_comes_to_count_as_created() {
    for (known, ownership, exact, adopt) in everything() {
        let made_by_others = matches!(known.deployed, Some(Provenance::Adopted | Provenance::Found));
        let settled = matches!(known.in_doubt, None | Some(Action::Update | Action::Adopt));
        let decision = forward(known, &seen(ownership, exact), adopt);
        let created =
            matches!(decision, Decision::Take(Outcome::Created) | Decision::Act { outcome: Outcome::Created, .. });
        assert!(!(made_by_others && settled && created), "{known:?}: {decision:?}");
    }
}

#[test]
fn a_thing_without_its_output_is_applied_again() {
    let seen: Observation<()> = Observation::Present { ownership: Ownership::Ours, fit: Fit::Exact, output: None };
    let decision = forward(known(Some(Provenance::Created), None), &seen, false);
    assert_eq!(decision, Decision::Act { action: Action::Update, outcome: Outcome::Updated });
}

#[test]
fn only_what_we_made_is_deleted() {
    for (known, ownership, exact, _) in everything() {
        let ours = matches!(ownership, Ownership::Ours | Ownership::Unmarkable);
        let made = match known.deployed {
            Some(provenance) => provenance == Provenance::Created && known.in_doubt != Some(Action::Adopt),
            None => !matches!(known.in_doubt, None | Some(Action::Adopt)),
        };
        let expected = if ours && made { Removal::Delete } else { Removal::Take(Outcome::Left) };
        assert_eq!(removal(known, &seen(ownership.clone(), exact)), expected, "{known:?} {ownership:?}");
    }
}

#[test]
fn a_deletion_in_doubt_that_shows_nothing_has_happened() {
    let created = Some(Provenance::Created);
    assert_eq!(
        removal::<()>(known(created, Some(Action::Delete)), &Observation::Absent),
        Removal::Take(Outcome::Deleted)
    );
    assert_eq!(removal::<()>(known(created, None), &Observation::Absent), Removal::Take(Outcome::Left));
}

#[test]
fn each_outcome_has_its_compensation() {
    let table = [
        (Done::Completed(Outcome::Created), true, Undo::Delete),
        (Done::Completed(Outcome::Created), false, Undo::Delete),
        (Done::Completed(Outcome::Updated), true, Undo::Restore),
        (Done::Completed(Outcome::Updated), false, Undo::Leave),
        (Done::Completed(Outcome::Deleted), true, Undo::Recreate),
        (Done::Completed(Outcome::Unchanged), true, Undo::Leave),
        (Done::Completed(Outcome::Found), false, Undo::Leave),
        (Done::Completed(Outcome::Adopted), false, Undo::Leave),
        (Done::Completed(Outcome::Left), true, Undo::Leave),
        (Done::Completed(Outcome::Passed), false, Undo::Leave),
        (Done::InDoubt(Action::Create), false, Undo::Delete),
        (Done::InDoubt(Action::Update), true, Undo::Restore),
        (Done::InDoubt(Action::Adopt), false, Undo::Leave),
        (Done::InDoubt(Action::Delete), true, Undo::Recreate),
    ];
    for (done, stood, expected) in table {
        assert_eq!(undo(done, stood), expected, "{done:?} {stood}");
    }
}

#[test]
fn a_compensation_looks_before_it_acts() {
    let theirs = || seen(Ownership::Theirs("the other".into()), true);
    let owner = || "the other".to_owned();
    let absent: Observation<()> = Observation::Absent;
    assert_eq!(undoing(Undo::Delete, &absent, true, false), Undoing::Record(Undo::Leave));
    assert_eq!(undoing(Undo::Delete, &absent, true, true), Undoing::Record(Undo::Delete));
    assert_eq!(undoing(Undo::Delete, &seen(Ownership::Ours, false), true, false), Undoing::Delete);
    assert_eq!(undoing(Undo::Delete, &seen(Ownership::Unmarkable, true), false, false), Undoing::Delete);
    assert_eq!(undoing(Undo::Delete, &theirs(), true, false), Undoing::Refuse { owner: owner() });
    assert_eq!(undoing(Undo::Delete, &theirs(), false, false), Undoing::Record(Undo::Leave));
    assert_eq!(undoing(Undo::Restore, &seen(Ownership::Ours, false), true, false), Undoing::Apply);
    assert_eq!(undoing(Undo::Restore, &seen(Ownership::Ours, true), true, true), Undoing::Record(Undo::Restore));
    assert_eq!(undoing(Undo::Restore, &theirs(), true, false), Undoing::Refuse { owner: owner() });
    assert_eq!(undoing(Undo::Recreate, &absent, true, false), Undoing::Apply);
    assert_eq!(undoing(Undo::Recreate, &theirs(), true, false), Undoing::Refuse { owner: owner() });
    assert_eq!(undoing(Undo::Leave, &theirs(), true, false), Undoing::Record(Undo::Leave));
}
