//! `error:`, the chain of causes, `hint:`.

use crate::failure::Failure;

/// The failure as people read it.
pub(crate) fn text(failure: &Failure, color: bool) -> String {
    let code = failure.code.as_ref().map(|code| format!("[{code}]")).unwrap_or_default();
    let mut text = format!("{}: failed to {}\n", paint(&format!("error{code}"), "1;31", color), failure.tried);
    for cause in &failure.causes {
        text += &format!("  cause: {}\n", cause.trim_end().replace('\n', "\n         "));
    }
    if let Some(hint) = &failure.hint {
        text += &format!("{}: {hint}\n", paint("hint", "1;36", color));
    }
    text
}

/// Puts an SGR colour around a word; the word alone must be enough without it.
pub(crate) fn paint(word: &str, sgr: &str, color: bool) -> String {
    if color { format!("\u{1b}[{sgr}m{word}\u{1b}[0m") } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn it_reads_without_colour() {
        let failure = Failure::new(Exit::Locked, "deploy the twin `factory`")
            .because("ann@host holds it\nsince noon")
            .hint("wait")
            .code("locked");
        assert_eq!(
            text(&failure, false),
            "error[locked]: failed to deploy the twin `factory`\n  cause: ann@host holds it\n         since noon\nhint: wait\n"
        );
        assert!(text(&failure, true).starts_with("\u{1b}[1;31merror[locked]\u{1b}[0m: failed to"));
    }
}
