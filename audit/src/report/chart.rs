//! The drawing: a lane per step, grouped by layer, with the breaks across all of them.
//!
//! Each layer is a picture of its own, so that paper breaks between layers and not through a lane. They share one scale and
//! touch, so that they look like one.

use chrono::Duration;

use super::escape::Text;
use super::lane::{self, HEIGHT, Place};
use super::scale::{Scale, Stretch};
use crate::Timeline;
use crate::timeline::{Break, Cause, Step};
use crate::words::{count, duration};

const WIDTH: f64 = 960.0;
/// Names are left of this, how steps ended is right of that.
const LEFT: f64 = 208.0;
const RIGHT: f64 = 812.0;
/// The height of a layer's heading, and of the axis.
const HEADING: f64 = 24.0;
const AXIS: f64 = 44.0;
/// The room that a mark on the axis needs, and a time of day.
const TICK: f64 = 46.0;
const CLOCK: f64 = 62.0;

pub(super) fn section(timeline: &Timeline) -> String {
    let scale = Scale::new(timeline, LEFT, RIGHT);
    let layers: String =
        layers(timeline).iter().enumerate().map(|(place, steps)| layer(timeline, &scale, place, steps)).collect();
    format!(
        "<section class=\"timeline\" aria-labelledby=\"timeline\">\n<h2 id=\"timeline\">Timeline</h2>\n{legend}\
         <figure>\n{axis}{layers}<figcaption>{caption}</figcaption>\n</figure>\n</section>\n",
        legend = legend(),
        axis = axis(timeline, &scale),
        caption = caption(timeline),
    )
}

/// Everything that can be drawn, with what it means.
const LEGEND: &[(&str, &str)] = &[
    ("created", r#"<rect class="attempt do created" y="1" width="26" height="10" rx="2"/>"#),
    ("updated", r#"<rect class="attempt do updated" y="1" width="26" height="10" rx="2"/>"#),
    ("as it was", r#"<rect class="attempt do unchanged" y="1" width="26" height="10" rx="2"/>"#),
    ("deleted", r#"<rect class="attempt do deleted" y="1" width="26" height="10" rx="2"/>"#),
    ("undone", r#"<rect class="attempt undo done" y="1" width="26" height="10" rx="2"/>"#),
    ("waiting", r#"<rect class="wait" y="1" width="26" height="10" rx="2"/>"#),
    (
        "failed attempt",
        r#"<rect class="attempt failed" y="1" width="22" height="10" rx="2"/><path class="cross" d="M18.5 2.5l7 7m0 -7l-7 7"/>"#,
    ),
    ("broken off", r#"<path class="torn" d="M13 -1l-3 3.5 3 3.5 -3 3.5 3 3.5"/>"#),
    ("nobody at work", r#"<rect class="gap" width="26" height="12"/>"#),
    ("in doubt", r#"<line class="doubt" x1="0" x2="26" y1="6" y2="6"/>"#),
    ("checkpoint", r#"<circle class="checkpoint" cx="13" cy="6" r="2.5"/>"#),
    ("undo skipped", r#"<path class="skip" d="M13 0l6 6 -6 6 -6 -6z"/>"#),
];

fn legend() -> String {
    let entry = |(meaning, drawn): &(&str, &str)| {
        format!("<li><svg viewBox=\"0 0 26 12\" aria-hidden=\"true\">{drawn}</svg>{meaning}</li>\n")
    };
    format!("<ul class=\"legend\" aria-label=\"Legend\">\n{}</ul>\n", LEGEND.iter().map(entry).collect::<String>())
}

fn caption(timeline: &Timeline) -> String {
    let worked = duration(timeline.worked());
    let steps = count(timeline.steps.len(), "step");
    let breaks = match timeline.breaks.len() {
        0 => String::new(),
        number => format!(" Breaks ({number}) are not to scale; their numbers are those of the table below."),
    };
    let day = timeline.started.date_naive();
    format!("{steps}, {worked} of work, from {day}. Times are UTC.{breaks}")
}

/// The steps of each layer, layers in the order of their first step.
fn layers(timeline: &Timeline) -> Vec<Vec<&Step>> {
    let mut layers: Vec<Vec<&Step>> = Vec::new();
    for step in &timeline.steps {
        match layers.iter_mut().find(|steps| steps[0].layer == step.layer) {
            Some(steps) => steps.push(step),
            None => layers.push(vec![step]),
        }
    }
    layers
}

fn layer(timeline: &Timeline, scale: &Scale, number: usize, steps: &[&Step]) -> String {
    let height = HEADING + HEIGHT * steps.len() as f64;
    let layer = Text(&steps[0].layer);
    let described: Vec<String> = steps.iter().map(|step| format!("{} {}", step.id, lane::ended(step))).collect();
    let rows: String = steps.iter().enumerate().map(|(row, step)| lane_at(timeline, scale, row, step)).collect();
    format!(
        "<svg class=\"layer\" role=\"img\" aria-labelledby=\"layer-{number}\" aria-describedby=\"steps-{number}\" \
         viewBox=\"0 0 {WIDTH} {height}\">\n\
         <title id=\"layer-{number}\">Layer {layer}: {count}</title>\n<desc id=\"steps-{number}\">{described}.</desc>\n\
         <line class=\"rule\" x1=\"0\" x2=\"{WIDTH}\" y1=\"0.5\" y2=\"0.5\"/>\
         <text class=\"heading\" x=\"0\" y=\"16\">{layer}</text>\n{grid}{gaps}{rows}</svg>\n",
        count = count(steps.len(), "step"),
        described = Text(&described.join("; ")),
        grid = grid(scale, height),
        gaps = gaps(timeline, scale, 0.0, height),
    )
}

fn lane_at(timeline: &Timeline, scale: &Scale, row: usize, step: &Step) -> String {
    let top = HEADING + HEIGHT * row as f64;
    lane::lane(step, &Place { scale, now: timeline.newest, top, outcome_x: RIGHT + 12.0 })
}

/// The axis: the time of day where work begins, how long it has gone on, and the number of each break. It also holds the
/// patterns of all pictures.
fn axis(timeline: &Timeline, scale: &Scale) -> String {
    let stretches: String = scale.stretches.iter().map(|it| stretch(timeline, it)).collect();
    let numbers: String = scale.breaks.iter().enumerate().map(|(place, edges)| break_number(place, *edges)).collect();
    format!(
        "<svg class=\"axis\" aria-hidden=\"true\" viewBox=\"0 0 {WIDTH} {AXIS}\">\n<defs>\n{PATTERNS}</defs>\n\
         {gaps}{numbers}{stretches}</svg>\n",
        gaps = gaps(timeline, scale, 22.0, AXIS),
    )
}

const PATTERNS: &str = r#"<pattern id="wait" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
<rect class="wait-ground" width="5" height="5"/><rect class="wait-stripe" width="2" height="5"/></pattern>
<pattern id="gap" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">
<rect class="gap-ground" width="6" height="6"/><rect class="gap-stripe" width="1" height="6"/></pattern>
"#;

fn stretch(timeline: &Timeline, stretch: &Stretch) -> String {
    let room = stretch.right - stretch.left;
    let mut drawn = String::new();
    if room >= CLOCK {
        let same_day = stretch.from.date_naive() == timeline.started.date_naive();
        let text = stretch.from.format(if same_day { "%H:%M:%S" } else { "%b %-d %H:%M" });
        drawn += &format!("<text class=\"clock\" x=\"{:.1}\" y=\"16\">{text}</text>", stretch.left);
    }
    let fits = |(x, _): &(f64, Duration)| *x + TICK / 2.0 <= stretch.right + 10.0;
    drawn + &stretch.ticks(TICK).into_iter().filter(fits).map(tick).collect::<String>()
}

fn tick((x, after): (f64, Duration)) -> String {
    format!(
        "<line class=\"tick\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"40\" y2=\"{AXIS}\"/>\
         <text class=\"after\" x=\"{x:.1}\" y=\"35\">+{}</text>",
        round(after)
    )
}

/// A round time, as short as it can be said: `200ms`, `5s`, `1m30s`, `2h`.
fn round(time: Duration) -> String {
    let (ms, s, m, h) = (time.num_milliseconds(), time.num_seconds(), time.num_minutes(), time.num_hours());
    match ms {
        0..1000 => format!("{ms}ms"),
        1000..60_000 if ms % 1000 > 0 => format!("{s}.{}s", ms % 1000 / 100),
        1000..60_000 => format!("{s}s"),
        60_000..3_600_000 if s % 60 > 0 => format!("{m}m{}s", s % 60),
        60_000..3_600_000 => format!("{m}m"),
        _ if m % 60 > 0 => format!("{h}h{}m", m % 60),
        _ => format!("{h}h"),
    }
}

fn break_number(place: usize, (left, right): (f64, f64)) -> String {
    let x = (left + right) / 2.0;
    let number = place + 1;
    format!(
        "<circle class=\"number\" cx=\"{x:.1}\" cy=\"12\" r=\"9\"/>\
         <text class=\"number\" x=\"{x:.1}\" y=\"16\">{number}</text>"
    )
}

fn grid(scale: &Scale, height: f64) -> String {
    let ticks = scale.stretches.iter().flat_map(|stretch| stretch.ticks(TICK));
    ticks
        .map(|(x, _)| format!("<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{HEADING}\" y2=\"{height}\"/>"))
        .collect()
}

/// The breaks, from top to bottom: a band with torn edges.
fn gaps(timeline: &Timeline, scale: &Scale, top: f64, bottom: f64) -> String {
    let drawn = timeline.breaks.iter().zip(&scale.breaks).enumerate();
    drawn.map(|(place, (it, edges))| gap(place, it, *edges, (top, bottom), timeline)).collect()
}

fn gap(place: usize, it: &Break, (left, right): (f64, f64), (top, bottom): (f64, f64), timeline: &Timeline) -> String {
    let (class, width, height) = (cause_word(&it.cause), right - left, bottom - top);
    let title = format!("break {}: {class}, {}", place + 1, duration(it.lasted(timeline.newest)));
    let (near, far) = (edge(left, top, bottom), edge(right, top, bottom));
    format!(
        "<g class=\"break {class}\"><title>{title}</title>\
         <rect class=\"gap {class}\" x=\"{left:.1}\" y=\"{top}\" width=\"{width:.1}\" height=\"{height}\"/>\
         <path class=\"edge {class}\" d=\"{near}{far}\"/></g>\n"
    )
}

/// A torn edge.
fn edge(x: f64, top: f64, bottom: f64) -> String {
    let teeth = ((bottom - top) / 8.0).round().max(1.0);
    let half = (bottom - top) / teeth / 2.0;
    format!("M{x:.1} {top}") + &format!("l3 {half:.2} -3 {half:.2}").repeat(teeth as usize)
}

/// What a break began with, in a word.
pub(super) fn cause_word(cause: &Cause) -> &'static str {
    match cause {
        Cause::Crash => "crash",
        Cause::Interrupt { .. } => "interrupt",
        Cause::Rest { .. } => "rest",
    }
}
