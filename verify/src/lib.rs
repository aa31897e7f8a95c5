//! seglab verify
