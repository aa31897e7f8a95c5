//! seglab engine
