//! What a deployment is: project files, decisions, a graph of steps.

pub mod definition;
pub mod inter_cloud;
pub mod naming;
pub mod problem;
pub mod regions;
pub mod topology;
