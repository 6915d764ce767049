//! Frames: cutting, decoding, and what a file of them looks like.

use super::super::Malformed;
use super::super::frame::{
    Cut, FRAME_MAX, Frame, InFile, MESSAGE_MAX, first_in_file, length_in_file, marker,
};
use super::super::response::{HEADER_LEN, Kind, header};

const HEADER: [u8; HEADER_LEN] = header(Kind::Rows, 6, 1);

/// The frames of a message, as they travel.
fn cut(payload: &[u8], limit: usize) -> Vec<Vec<u8>> {
    let mut cut = Cut::new(HEADER, payload, limit);
    if cut.is_whole() {
        return vec![[&HEADER, payload].concat()];
    }
    let mut frames = Vec::new();
    while let Some(((header, total, part), is_first)) = cut.next() {
        assert_eq!(is_first, frames.is_empty());
        let total: &[u8] = if is_first { &total } else { &[] };
        frames.push([&header, total, part].concat());
    }
    assert!(cut.is_done());
    frames
}

/// The message that frames make, as a launcher puts it together.
fn assemble(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut message = Vec::new();
    let mut length = 0;
    for frame in frames {
        match Frame::decode(frame) {
            Ok(Frame::Whole(whole)) => return whole.to_vec(),
            Ok(Frame::First(header, total, part)) => {
                message = [&header, part].concat();
                length = total;
            }
            Ok(Frame::Middle(part)) => message.extend_from_slice(part),
            Ok(Frame::Last(part)) => {
                message.extend_from_slice(part);
                assert_eq!(message.len(), HEADER_LEN + length);
                return message;
            }
            other => panic!("{other:?}"),
        }
    }
    panic!("no end")
}

#[test]
fn frames_make_the_message_that_was_cut() {
    for limit in [24, 32, 1024, FRAME_MAX] {
        for length in (0..200).chain([1000, 1016, 1017, 4000, 40_000]) {
            let payload: Vec<u8> = (0..length).map(|i| i as u8).collect();
            let frames = cut(&payload, limit);
            assert!(frames.iter().all(|frame| frame.len() <= limit));
            assert_eq!(assemble(&frames), [&HEADER, &payload[..]].concat());
        }
    }
}

#[test]
fn a_message_that_fits_is_one_frame() {
    assert_eq!(cut(&[1; 16], 24).len(), 1);
    assert_eq!(cut(&[1; 17], 24).len(), 2);
}

#[test]
fn a_marker_points_to_the_file() {
    assert_eq!(Frame::decode(&marker(77)), Ok(Frame::Marker(77)));
    assert_eq!(
        Frame::decode(&marker(77)[..12]),
        Err(Malformed::MarkerDamaged)
    );
    let long = [&marker(77)[..], &[0]].concat();
    assert_eq!(Frame::decode(&long), Err(Malformed::MarkerDamaged));
}

#[test]
fn what_is_no_frame_is_refused() {
    let with = |flags: u8, rest: &[u8]| {
        let mut header = HEADER;
        header[2] = flags;
        [&header, rest].concat()
    };
    let refused = |frame: &[u8], why| assert_eq!(Frame::decode(frame), Err(why));
    refused(&HEADER[..7], Malformed::HeaderShort);
    refused(&vec![0; FRAME_MAX + 1], Malformed::FrameLong);
    refused(&with(4, &[]), Malformed::HeaderReserved);
    refused(&with(0xFF, &[]), Malformed::HeaderReserved);
    refused(&with(1, &[0; 7]), Malformed::FrameShort);
    let one = [&1_u64.to_ne_bytes()[..], &[0]].concat();
    refused(&with(1, &one), Malformed::FrameExcess);
    refused(
        &with(1, &(MESSAGE_MAX + 1).to_ne_bytes()),
        Malformed::MessageLength,
    );
    refused(&with(1, &u64::MAX.to_ne_bytes()), Malformed::MessageLength);
    refused(&with(1, &0_u64.to_ne_bytes()), Malformed::FrameExcess);
}

#[test]
fn a_file_is_read_frame_by_frame() {
    let file = |length: u64, bytes: usize| {
        let mut file = length.to_ne_bytes().to_vec();
        file.resize(bytes, 7);
        file
    };
    assert_eq!(length_in_file(0), 8);
    assert_eq!(length_in_file(1), 16);
    assert_eq!(first_in_file(&file(9, 24)), Ok(InFile::Frame(&[7; 9], 24)));
    assert_eq!(first_in_file(&file(9, 100)), Ok(InFile::Frame(&[7; 9], 24)));
    for bytes in 0..24 {
        assert_eq!(first_in_file(&file(9, 24)[..bytes]), Ok(InFile::Cut));
    }
    for length in [FRAME_MAX as u64 + 1, u64::MAX] {
        assert_eq!(first_in_file(&file(length, 24)), Err(Malformed::FrameLong));
    }
}
