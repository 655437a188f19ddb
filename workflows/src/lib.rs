//! What a deployment is: project files, decisions, a graph of steps.
