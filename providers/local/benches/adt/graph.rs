//! The graph that is loaded: machines, each feeding some others.

use std::fmt::Write;

pub(crate) const MODEL: &str = "dtmi:bench:Machine;1";

/// How large it is.
pub(crate) struct Graph {
    pub(crate) twins: u64,
    pub(crate) relationships: u64,
}

impl Graph {
    /// The id of a twin.
    pub(crate) fn id(&self, number: u64) -> String {
        format!("machine-{number:07}")
    }

    /// The input of an import job, in blocks of some megabytes.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = String> {
        let twins = (0..self.twins).map(|number| self.twin(number));
        let relationships = (0..self.relationships).map(|number| self.relationship(number));
        let mut lines = std::iter::once(head())
            .chain(twins)
            .chain(std::iter::once("{\"Section\":\"Relationships\"}\n".to_owned()))
            .chain(relationships);
        std::iter::from_fn(move || {
            let mut block = String::with_capacity(BLOCK + 1024);
            while block.len() < BLOCK
                && let Some(line) = lines.next()
            {
                block.push_str(&line);
            }
            (!block.is_empty()).then_some(block)
        })
    }

    fn twin(&self, number: u64) -> String {
        let mut line = String::new();
        let id = self.id(number);
        let (temperature, running) = (20.0 + (number % 1000) as f64 / 100.0, number.is_multiple_of(3));
        writeln!(
            line,
            "{{\"$dtId\":\"{id}\",\"$metadata\":{{\"$model\":\"{MODEL}\"}},\"temperature\":{temperature},\"pressure\":1.5,\"running\":{running},\"serial\":\"SN-{number:010}\",\"hall\":\"hall-{}\"}}",
            number % 64
        )
        .expect("memory takes any text");
        line
    }

    /// Sources take turns, so that each twin has as many as any other.
    fn relationship(&self, number: u64) -> String {
        let source = number % self.twins;
        let round = number / self.twins + 1;
        let target = (source + round * 7919) % self.twins;
        format!(
            "{{\"$dtId\":\"{}\",\"$relationshipId\":\"feeds-{round}\",\"$targetId\":\"{}\",\"$relationshipName\":\"feeds\"}}\n",
            self.id(source),
            self.id(target)
        )
    }
}

const BLOCK: usize = 8 * 1024 * 1024;

fn head() -> String {
    let property =
        |name: &str, schema: &str| format!("{{\"@type\":\"Property\",\"name\":\"{name}\",\"schema\":\"{schema}\"}}");
    let contents = [
        property("temperature", "double"),
        property("pressure", "double"),
        property("running", "boolean"),
        property("serial", "string"),
        property("hall", "string"),
        "{\"@type\":\"Relationship\",\"name\":\"feeds\"}".to_owned(),
    ]
    .join(",");
    format!(
        "{{\"Section\":\"Header\"}}\n{{\"fileVersion\":\"1.0.0\"}}\n{{\"Section\":\"Models\"}}\n{{\"@id\":\"{MODEL}\",\"@type\":\"Interface\",\"@context\":\"dtmi:dtdl:context;2\",\"contents\":[{contents}]}}\n{{\"Section\":\"Twins\"}}\n"
    )
}
