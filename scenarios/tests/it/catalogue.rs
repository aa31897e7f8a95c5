//! Every design of the catalogue gives the results that its README promises.
