//! Small changes whose difference one can say in a sentence.
