//! The proof: what the records are, and how to check it without this program.

use super::escape::Text;
use super::{Proof, code, facts};

/// A program of a page that checks a whole stream; placeholders stand for what the report is about.
const SCRIPT: &str = include_str!("verify.py");

pub(super) fn section(proof: &Proof) -> String {
    let records = format!("{} to {} ({} in all)", proof.from, proof.to, proof.to.saturating_sub(proof.from) + 1);
    let entries = [
        ("Stream", Some(code(&proof.stream))),
        ("Journal", Some(code(&proof.journal))),
        ("Records", Some(records)),
        ("Head", Some(code(&format!("{}:{}", proof.to, proof.head)))),
        ("Merkle root", proof.root.as_ref().map(|root| code(root))),
        ("Verified", Some(verified(proof.verified))),
    ];
    format!(
        "<section class=\"proof\" aria-labelledby=\"proof\">\n<h2 id=\"proof\">Proof</h2>\n{facts}{checkpoint}{how}</section>\n",
        facts = facts(&entries),
        checkpoint = checkpoint(proof),
        how = how(proof),
    )
}

fn verified(verified: bool) -> String {
    match verified {
        true => {
            "<span class=\"status good\">yes</span> when this report was made: every hash, link and transition holds"
        }
        false => "<span class=\"status bad\">no</span> This report is made from records that were not verified",
    }
    .to_owned()
}

fn checkpoint(proof: &Proof) -> String {
    let Some(checkpoint) = &proof.checkpoint else { return String::new() };
    format!(
        "<h3>Signed checkpoint</h3>\n<p>The journal's key signed this text, which holds the Merkle root: whoever has the \
         public key can tell that it was, and whoever kept an earlier checkpoint that nothing before it has changed.</p>\n\
         <pre class=\"checkpoint\">{}</pre>\n",
        Text(checkpoint)
    )
}

fn how(proof: &Proof) -> String {
    format!(
        "<h3>How to check it without twinctl</h3>\n<p>Every record carries the SHA-256 of its own canonical JSON (RFC 8785) \
         and the hash of the record before it, so the head above stands for all of them. Take the records of the stream, as \
         <code>twinctl journal records --json</code> writes them, and give them to this program, which needs Python and nothing \
         else: <code>python3 verify.py &lt; records.json</code>. It prints <code>whole</code> when the records are those of \
         this report.</p>\n<pre class=\"script\">{}</pre>\n",
        Text(&script(proof))
    )
}

/// The program, about this proof. Names go in as JSON strings, which Python reads as its own.
fn script(proof: &Proof) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    SCRIPT
        .replace("\"@HEAD@\"", &quoted(&proof.head))
        .replace("\"@TO@\"", &proof.to.to_string())
        .replace("\"@STREAM@\"", &quoted(&proof.stream))
}
