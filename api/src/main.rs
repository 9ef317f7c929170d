//! The program: reads settings and runs the API.
