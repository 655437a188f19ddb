//! The sweeps over the real graph: real journal, real Azure client, local cloud. See `engine::sweep` for the claims.

use engine::sweep::{Count, Disturbed, Scenario, Worlds, crash, random, repeat, unwind};
use tests::{
    projects::{plant, plant_changed},
    world::LocalWorlds,
};

fn worlds() -> LocalWorlds {
    LocalWorlds::new([plant(), plant_changed()])
}

fn first() -> Scenario {
    Scenario { name: "first deployment".into(), before: vec![], run: Disturbed::Deploy(plant().digest()) }
}

fn redeploy() -> Scenario {
    let run = Disturbed::Deploy(plant_changed().digest());
    Scenario { name: "redeploy".into(), before: vec![plant().digest()], run }
}

fn destroy() -> Scenario {
    Scenario { name: "destroy".into(), before: vec![plant().digest()], run: Disturbed::Destroy }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future)
}

fn print(sweep: &str, count: Count) {
    eprintln!("{sweep}: {count}");
}

#[test]
fn actions_may_be_repeated() {
    block_on(async {
        print("repeat, first", repeat::actions(&worlds(), &first()).await);
        print("repeat, redeploy", repeat::actions(&worlds(), &redeploy()).await);
    });
}
