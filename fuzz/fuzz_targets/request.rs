//! Any bytes as a request: refused, or exactly what encoding it again gives.

#![no_main]

#[path = "../pg_sys.rs"]
mod pg_sys;
#[path = "../../src/channel/wire/mod.rs"]
#[expect(dead_code, reason = "the half that the other target uses")]
mod wire;

use libfuzzer_sys::fuzz_target;
use wire::request::Request;
use wire::settings::reset_values;

fuzz_target!(|message: &[u8]| {
    match Request::decode(message) {
        Ok(request) => {
            let again = request.parts(&request.encode_fixed()).concat();
            assert_eq!(again, message);
            assert_eq!(request.total_len(), message.len());
            for value in reset_values(request.guc_state) {
                assert!(!value.parts(&value.head()).concat().is_empty());
            }
        }
        Err(reason) => assert!(!reason.as_str().is_empty()),
    }
});
