//! What a deployment is: project files, decisions, a graph of steps.

pub mod clouds;
pub mod definition;
pub mod deploy;
pub mod inter_cloud;
pub mod layers;
pub mod naming;
pub mod problem;
pub mod project;
pub mod regions;
mod steps;
pub mod topology;
