//! A function's settings. They are kept apart from its document, since they come back in clear.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_lambda::types::Environment;

use crate::{
    Aws, Error, Secret,
    error::{UnlessMissing, failed},
};

/// Settings as the service has them, with the revision that they were read at.
struct Settings {
    variables: HashMap<String, String>,
    revision: Option<String>,
}

impl Aws {
    /// Reads a function's settings; `None` when there is no such function.
    ///
    /// # Errors
    /// When the service refuses or cannot be reached, or cannot decrypt the settings.
    pub async fn environment(&self, function: &str) -> Result<Option<BTreeMap<String, Secret>>, Error> {
        let found = settings(self, function).await.unless_missing()?;
        Ok(found.map(|found| found.variables.into_iter().map(|(name, value)| (name, Secret::new(value))).collect()))
    }

    /// Sets some of a function's settings and takes others away; those that are in neither list stay.
    ///
    /// Nothing is written when nothing changes: every change makes the function start anew.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Conflict`] when somebody changed the function meanwhile, [`crate::ErrorKind::NotYet`] while a
    /// change is in progress, [`crate::ErrorKind::NotFound`] when there is no such function.
    pub async fn merge_environment(
        &self,
        function: &str,
        set: &BTreeMap<String, Secret>,
        unwanted: &[String],
    ) -> Result<(), Error> {
        let found = settings(self, function).await?;
        let merged = merged(&found.variables, set, unwanted);
        if merged == found.variables {
            return Ok(());
        }
        let request = self
            .lambda()
            .update_function_configuration()
            .function_name(function)
            .environment(Environment::builder().set_variables(Some(merged)).build())
            .set_revision_id(found.revision);
        request.send().await.map_err(failed("lambda:UpdateFunctionConfiguration", function)).map(drop)
    }
}

async fn settings(aws: &Aws, function: &str) -> Result<Settings, Error> {
    let request = aws.lambda().get_function_configuration().function_name(function);
    let answer = request.send().await.map_err(failed("lambda:GetFunctionConfiguration", function))?;
    let revision = answer.revision_id;
    let Some(environment) = answer.environment else { return Ok(Settings { variables: HashMap::new(), revision }) };
    // Without its key the settings read as empty: merging would lose them.
    if let Some(error) = environment.error {
        let code = error.error_code.unwrap_or_default();
        return Err(Error::permanent(format!(
            "read the settings of {function}: the service cannot decrypt them ({code})"
        )));
    }
    Ok(Settings { variables: environment.variables.unwrap_or_default(), revision })
}

fn merged(
    found: &HashMap<String, String>,
    set: &BTreeMap<String, Secret>,
    unwanted: &[String],
) -> HashMap<String, String> {
    let mut merged = found.clone();
    merged.retain(|name, _| !unwanted.contains(name));
    merged.extend(set.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())));
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_others_stay() {
        let found = HashMap::from([("THEIRS", "1"), ("OURS", "2"), ("OLD", "3")].map(|(n, v)| (n.into(), v.into())));
        let set = BTreeMap::from([("OURS".to_owned(), Secret::from("4"))]);
        let wanted = HashMap::from([("THEIRS", "1"), ("OURS", "4")].map(|(n, v)| (n.into(), v.into())));
        assert_eq!(merged(&found, &set, &["OLD".into(), "NEVER".into()]), wanted);
        assert_eq!(merged(&wanted, &set, &["OLD".into()]), wanted);
    }
}
