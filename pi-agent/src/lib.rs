//! derms-agent.
