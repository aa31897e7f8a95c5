//! seglab sim
