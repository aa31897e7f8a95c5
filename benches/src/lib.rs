//! seglab benches
