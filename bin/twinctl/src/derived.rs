//! Files of ours in the project folder that follow from the journal: brought up to date when a run has ended.

use std::{fs, io};

use workflows::{
    deploy::Session,
    inter_cloud::{self, Key, NAME},
};

use crate::{output::Output, place::Place};

/// Brings `config_inter_cloud.json` to what the journal says, and removes it when nothing stands.
///
/// The run has ended as it has ended: a folder that cannot be written is worth a warning and no more, since the next
/// run derives the file again.
pub(crate) fn refresh(place: &Place, session: &Session, twin: &str, output: Output) {
    // Run from elsewhere (`--state-dir`), the folder may hold another project or none.
    if !place.is_project_of(twin) {
        return;
    }
    if let Err(error) = written(place, session) {
        let path = place.project.join(NAME);
        output.say(&format!("warning: {} is not up to date: {error}; the next run writes it", path.display()));
    }
}

fn written(place: &Place, session: &Session) -> io::Result<()> {
    let state = session.state();
    // What stands counts; while a first run is unfinished, what it is to become.
    let digest = state.definition().or_else(|| state.last_run().map(|run| &run.definition));
    let known = digest.map(|digest| session.definition(digest)).transpose().map_err(io::Error::other)?;
    let key = Key::load(&place.state).map_err(io::Error::other)?;
    match known.zip(key).and_then(|(definition, key)| inter_cloud::derive(&state, &definition, &key)) {
        Some(file) => inter_cloud::write(&place.project, &file),
        None => inter_cloud::remove(&place.project),
    }
}

/// Keeps the state folder out of version control where it lies in the project; one that was chosen is left alone.
pub(crate) fn ignore(place: &Place, output: Output) {
    if place.state != place.default_state() {
        return;
    }
    let path = place.state.join(".gitignore");
    let made = match fs::File::create_new(&path) {
        Ok(mut file) => io::Write::write_all(&mut file, b"*\n"),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = made {
        output.say(&format!("warning: {} could not be made: {error}", path.display()));
    }
}
