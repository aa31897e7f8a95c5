//! seglab formats
