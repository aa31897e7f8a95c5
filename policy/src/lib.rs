//! seglab policy
