//! Every kind of resource against emulators by others: two of them must agree on what AWS does.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its own functions too")]

mod contract;
mod emulators;

use contract::{World, cases, cut, hold};
use emulators::Which;

/// One test per kind and emulator.
macro_rules! on_both {
    ($($kind:ident)*) => {
        mod ministack {
            $(#[tokio::test]
            async fn $kind() {
                let Some(world) = super::World::on(super::Which::Ministack) else { return };
                super::hold(&world, &super::cases::$kind(&world).await).await;
            })*
        }

        /// On the one emulator that makes all of them with their tags.
        mod cut_off {
            $(#[tokio::test]
            async fn $kind() {
                let mut lost = 1;
                loop {
                    let Some(world) = super::World::on(super::Which::Ministack) else { return };
                    if !super::cut::hold(&world, &super::cases::$kind(&world).await, lost).await {
                        assert!(lost > 1, "nothing is made without an exchange");
                        return;
                    }
                    lost += 1;
                }
            })*
        }

        mod moto {
            $(#[tokio::test]
            async fn $kind() {
                let Some(world) = super::World::on(super::Which::Moto) else { return };
                super::hold(&world, &super::cases::$kind(&world).await).await;
            })*
        }
    };
}

on_both! { bucket function function_url iot_policy log_group permission role table thing topic_rule }

/// One test per kind of IoT TwinMaker, which is in no emulator: on whatever answers at `TWINCTL_TWIN_MAKER`, such as the local
/// cloud.
macro_rules! on_twin_maker {
    ($($kind:ident)*) => {
        mod twin_maker {
            $(#[tokio::test]
            async fn $kind() {
                let Some(world) = super::World::with_twin_maker() else { return };
                super::hold(&world, &super::cases::$kind(&world).await).await;
            })*
        }
    };
}

on_twin_maker! { component_type entity workspace }
