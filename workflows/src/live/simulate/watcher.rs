//! Reads the twins of devices whose values are on their way.

use futures::{StreamExt, stream};
use tokio::time::sleep;

use super::{AT_ONCE, Stage, track::Track};

/// Watches until everything that was sent is visible, or there is no more time.
pub(super) async fn watch(stage: &Stage<'_>, tracks: &[Track<'_>]) {
    tokio::select! {
        () = rounds(stage, tracks) => {}
        () = stage.over() => {}
    }
}

async fn rounds(stage: &Stage<'_>, tracks: &[Track<'_>]) {
    loop {
        // Asked before the look: what was sent during it needs another one.
        let all_sent = stage.counts.is_all_sent();
        let watched = tracks.iter().filter(|track| track.is_watched());
        stream::iter(watched).for_each_concurrent(AT_ONCE, |track| look(stage, track)).await;
        if all_sent && !tracks.iter().any(Track::is_watched) {
            return;
        }
        sleep(stage.plan.look).await;
    }
}

async fn look(stage: &Stage<'_>, track: &Track<'_>) {
    let _turn = stage.reading.acquire().await.expect("nobody closes it");
    match stage.world.twin(&track.device.twin).await {
        Ok(twin) => {
            for news in track.looks(twin.as_ref()) {
                stage.counts.some_visible(news.messages, news.after);
            }
        }
        // The next round looks again.
        Err(refused) => track.unread(refused),
    }
}
