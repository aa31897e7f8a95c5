//! seglab scenarios
