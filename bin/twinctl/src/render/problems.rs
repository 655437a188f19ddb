//! The problems of a project, each at its place in the source.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use workflows::{
    problem::{Problem, Severity},
    project::Files,
};

/// Lines wider than this are cut around the problem: a hierarchy written on one line stays readable.
const WIDTH: usize = 120;

/// The problems as people read them, in the order given.
pub(crate) fn text(problems: &[Problem], files: &Files, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() }.term_width(WIDTH);
    // The credentials have no text here: their lines must not end up in a log.
    let shown = |problem| renderer.render(&[group(problem, files.text(&problem.file).unwrap_or_default())]) + "\n\n";
    problems.iter().map(shown).collect()
}

/// How many there are of each kind.
pub(crate) fn count(problems: &[Problem]) -> String {
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    let warnings = problems.len() - errors;
    match (errors, warnings) {
        (0, 0) => "no problems".to_owned(),
        (errors, 0) => plural(errors, "error"),
        (0, warnings) => plural(warnings, "warning"),
        (errors, warnings) => format!("{} and {}", plural(errors, "error"), plural(warnings, "warning")),
    }
}

/// `1 step`, `2 steps`.
pub(crate) fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn group<'a>(problem: &'a Problem, source: &'a str) -> Group<'a> {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(&problem.message).id(problem.code.as_str());
    let group = match place(problem, source) {
        Some(span) => {
            let annotation = AnnotationKind::Primary.span(span);
            title.element(Snippet::source(source).path(&problem.file).annotation(annotation))
        }
        None if problem.line > 0 => {
            title.element(Origin::path(&problem.file).line(problem.line).char_column(problem.column))
        }
        None => title.element(Origin::path(&problem.file)),
    };
    let group = group.element(Level::NOTE.message(&problem.why));
    let group = match &problem.rule {
        Some(rule) => group.element(Level::NOTE.message(format!("rule {rule}"))),
        None => group,
    };
    group.element(Level::HELP.message(&problem.remedy))
}

/// The bytes to underline, if the problem has a place in the file as it is now.
fn place(problem: &Problem, source: &str) -> Option<std::ops::Range<usize>> {
    let (start, end) = (problem.span.start, problem.span.end);
    (problem.line > 0 && source.get(start..end).is_some()).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use workflows::problem::{Code, Span};

    use super::*;

    fn problem(line: usize, severity: Severity) -> Problem {
        Problem {
            code: Code::DuplicateDevice,
            severity,
            file: "config_iot_devices.json".into(),
            line,
            column: 9,
            span: Span { start: 8, end: 11 },
            message: "the device `a` stands twice".into(),
            why: "a device has one identity".into(),
            remedy: "rename one of them".into(),
            rule: None,
        }
    }

    #[test]
    fn a_problem_is_shown_at_its_place() {
        let files = Files::from_texts([("config_iot_devices.json", "[{\"id\": \"a\"}]\n")]);
        let shown = text(&[problem(1, Severity::Error)], &files, false);
        let parts = [
            "error[duplicate-device]: the device `a` stands twice",
            "config_iot_devices.json:1:9",
            "^^^",
            "rename one of them",
        ];
        for part in parts {
            assert!(shown.contains(part), "{part} is missing in\n{shown}");
        }
    }

    #[test]
    fn the_rule_that_a_model_breaks_is_named() {
        let files = Files::from_texts([("config_iot_devices.json", "[{\"id\": \"a\"}]\n")]);
        let problem = Problem { rule: Some("dtmi-syntax".into()), ..problem(1, Severity::Error) };
        assert!(text(&[problem], &files, false).contains("rule dtmi-syntax"));
    }

    #[test]
    fn a_problem_of_the_file_itself_needs_no_source() {
        let shown = text(&[problem(0, Severity::Warning)], &Files::default(), false);
        assert!(shown.starts_with("warning[duplicate-device]"), "{shown}");
        assert!(shown.contains("config_iot_devices.json"), "{shown}");
    }

    #[test]
    fn the_credentials_are_never_shown() {
        let files = Files::from_texts([("config_credentials.json", "{\"key\": \"swordfish\"}")]);
        let problem = Problem { file: "config_credentials.json".into(), ..problem(1, Severity::Error) };
        let shown = text(&[problem], &files, false);
        assert!(shown.contains("config_credentials.json") && !shown.contains("swordfish"), "{shown}");
    }

    #[test]
    fn they_are_counted() {
        let all = [problem(1, Severity::Error), problem(1, Severity::Warning), problem(1, Severity::Warning)];
        assert_eq!(count(&all), "1 error and 2 warnings");
        assert_eq!(count(&[]), "no problems");
    }
}
