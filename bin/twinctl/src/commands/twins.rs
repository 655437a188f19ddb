//! `twinctl twins`: the graph as a tree, with live values; writes nothing and starts nothing.

use std::pin::pin;

use chrono::Utc;
use serde_json::{Value, json};
use workflows::live::{Graph, Refused};

use crate::{
    cli::{Global, Twins},
    exit::Exit,
    failure::{self, Failure},
    live::{self, Opened},
    output::{self, Heard, Output},
    render, signals,
};

const TRIED: &str = "read the twins";

/// From the top left corner, and whatever is below the last line goes.
const HOME: &str = "\u{1b}[H";
const CLEAR: &str = "\u{1b}[H\u{1b}[2J";
const REST_OF_LINE: &str = "\u{1b}[K\n";
const REST_OF_SCREEN: &str = "\u{1b}[J";

/// Shows.
pub(crate) async fn twins(global: &Global, options: &Twins, output: Output) -> failure::Result {
    let opened = live::twins(global, &options.project.project, TRIED).await?;
    if options.watch {
        return watch(&opened, options, output).await;
    }
    let graph = opened.live.graph(&opened.devices).await.map_err(|refused| unread(&refused))?;
    output.data(&data(&graph), || render::twins::text(&graph, Utc::now()))?;
    Ok(Exit::Done)
}

/// Again and again, until a signal or until nobody reads any more. A look that fails because the cloud is busy or gone for
/// a moment is said, and the next one tried.
async fn watch(opened: &Opened, options: &Twins, output: Output) -> failure::Result {
    let mut stop = pin!(signals::first(output, "")?);
    let mut shown = 0_u64;
    loop {
        let look = tokio::select! {
            look = opened.live.graph(&opened.devices) => look,
            () = &mut stop => return Ok(Exit::Done),
        };
        match look {
            Ok(graph) => {
                if output::part(&frame(&graph, shown, output))? == Heard::Gone {
                    return Ok(Exit::Done);
                }
                shown += 1;
            }
            Err(refused) if refused.passes() => output.say(&format!("warning: {refused}; looking again")),
            Err(refused) => return Err(unread(&refused)),
        }
        tokio::select! {
            () = tokio::time::sleep(options.interval) => {}
            () = &mut stop => return Ok(Exit::Done),
        }
    }
}

/// One showing: a line of JSON, a text under its time, or on a terminal over the one before.
fn frame(graph: &Graph, shown: u64, output: Output) -> String {
    if output.json {
        return data(graph).to_string();
    }
    let now = Utc::now();
    let text = format!("{}\n{}", render::time::moment(now), render::twins::text(graph, now));
    match (output.draws, shown) {
        (false, 0) => text,
        (false, _) => format!("\n{text}"),
        (true, shown) => {
            let start = if shown == 0 { CLEAR } else { HOME };
            format!("{start}{}{REST_OF_SCREEN}", text.replace('\n', REST_OF_LINE))
        }
    }
}

fn data(graph: &Graph) -> Value {
    let relationship =
        |(source, name, target): &(String, String, String)| json!({ "source": source, "name": name, "target": target });
    json!({
        "time": Utc::now(),
        "twins": graph.twins,
        "relationships": graph.relationships.iter().map(relationship).collect::<Vec<_>>(),
    })
}

fn unread(refused: &Refused) -> Failure {
    Failure::of(Exit::Error, TRIED, refused).code("twins-unreadable")
}
