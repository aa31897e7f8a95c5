//! The JSON Schema says what the reader takes.

use seglab_formats::lab;

#[test]
fn the_schema_is_of_2020_12_and_describes_every_key() {
    let schema: serde_json::Value = serde_json::from_str(&lab::schema()).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["additionalProperties"], false);
    for (key, described) in schema["properties"].as_object().unwrap() {
        assert!(described["description"].as_str().is_some(), "{key} is not described");
    }
    insta::assert_snapshot!("schema", lab::schema());
}
