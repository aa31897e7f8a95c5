//! seglab reports
