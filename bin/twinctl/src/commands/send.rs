//! `twinctl send`: one message, the way a device would send it.

use std::{fs::File, io::Read};

use azure::iot_hub::device::LARGEST;
use chrono::Utc;
use serde_json::{Value, json};
use tokio::time::Instant;
use workflows::live::{self, Arrival, Malformed, Message, Refused, Sent};

use crate::{
    cli::{Global, Send},
    exit::Exit,
    failure::{self, Failure},
    live as deployment,
    output::Output,
    render::{self, time::latency},
};

const TRIED: &str = "send the message";

/// Sends.
pub(crate) async fn send(global: &Global, options: &Send, output: Output) -> failure::Result {
    let text = read(&options.message)?;
    let message = Message::parse(&text, Utc::now()).map_err(|error| malformed(&error))?;
    let opened = deployment::senders(global, &options.project, TRIED).await?;
    let device = deployment::device(&opened.devices, &options.device, TRIED)?;
    let warnings: Vec<String> = message.warnings(device).iter().map(ToString::to_string).collect();
    for warning in &warnings {
        output.say(&format!("warning: {warning}"));
    }
    let until = Instant::now() + options.timeout.unwrap_or(opened.pace.patience);
    let look = options.wait.then_some(opened.pace.look);
    let sent = live::send(&opened.live, device, &message, until, look).await.map_err(|refused| refusal(&refused))?;
    output.data(&data(&device.id, &message, &sent, &warnings), || text_of(&device.id, &message, &sent))?;
    Ok(ended(&sent, output))
}

/// The message's text from where the argument says.
fn read(argument: &str) -> Result<String, Failure> {
    let unread = |error: std::io::Error| Failure::of(Exit::Error, "read the message", &error);
    match (argument, argument.strip_prefix('@')) {
        ("-", _) => text(std::io::stdin().lock()),
        (_, Some(path)) => text(File::open(path).map_err(|error| unread(error).because(path.to_owned()))?),
        (inline, None) => Ok(inline.to_owned()),
    }
}

/// Reads a text that a hub could take; of a longer one no more than that.
fn text(from: impl Read) -> Result<String, Failure> {
    let mut text = String::new();
    let read = from.take(LARGEST as u64 + 1).read_to_string(&mut text);
    match read {
        Ok(length) if length > LARGEST => {
            Err(Failure::new(Exit::Usage, "read the message").because("it is larger than the 256 KiB that a hub takes"))
        }
        Ok(_) => Ok(text),
        Err(error) => Err(Failure::of(Exit::Error, "read the message", &error)),
    }
}

fn malformed(error: &Malformed) -> Failure {
    Failure::of(Exit::Usage, "read the message", error).code("bad-message")
}

fn refusal(refused: &Refused) -> Failure {
    Failure::of(Exit::Error, TRIED, refused).code("message-refused")
}

fn data(device: &str, message: &Message, sent: &Sent, warnings: &[String]) -> Value {
    let arrival = sent.arrival.map(|arrival| match arrival {
        Arrival::Visible(_) => "visible",
        Arrival::Overtaken => "overtaken",
        Arrival::NotVisible => "not-visible",
        Arrival::Nothing => "nothing-to-show",
    });
    let visible_after = match sent.arrival {
        Some(Arrival::Visible(after)) => Some(millis(after)),
        _ => None,
    };
    json!({
        "device": device,
        "id": message.id,
        "time": message.time(),
        "acknowledged": sent.delivered.at,
        "acknowledged_after": millis(sent.delivered.after),
        "attempts": sent.delivered.attempts,
        "twin": arrival,
        "visible_after": visible_after,
        "warnings": warnings,
    })
}

fn millis(duration: std::time::Duration) -> f64 {
    (duration.as_secs_f64() * 1e4).round() / 10.0
}

fn text_of(device: &str, message: &Message, sent: &Sent) -> String {
    let after = latency(sent.delivered.after);
    let mut text = format!("{device}: accepted after {after}\n  id    {}\n  time  {}\n", message.id, message.time());
    if let Some(Arrival::Visible(after)) = sent.arrival {
        text += &format!("  twin  shows it after {}\n", latency(after));
    }
    text
}

/// What became of it in the twin, for people, and how the program ends.
fn ended(sent: &Sent, output: Output) -> Exit {
    match sent.arrival {
        None | Some(Arrival::Visible(_)) => Exit::Done,
        Some(Arrival::Overtaken) => {
            output.say("the twin shows a newer value, so this one does not count any more");
            Exit::Done
        }
        Some(Arrival::Nothing) => {
            output.say("the message holds nothing that the twin takes, so nothing was waited for");
            Exit::Done
        }
        Some(Arrival::NotVisible) => {
            let failure = Failure::new(Exit::NotVisible, "see the message in the twin")
                .because("the hub took it, and the twin does not show it within the deadline")
                .code("live-data-missing");
            output.say(&render::failure::text(&failure, output.error_color));
            failure.exit
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_no_hub_takes_is_not_read_to_its_end() {
        let failure = text(std::io::repeat(b' ')).unwrap_err();
        assert!(failure.causes[0].contains("256 KiB"), "{failure:?}");
        assert_eq!(text(&b"{}"[..]).unwrap(), "{}");
    }
}
