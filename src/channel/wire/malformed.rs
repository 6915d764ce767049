//! Why a message was refused.

#![forbid(unsafe_code)]

use core::fmt;

/// Makes the enum and its texts from one table, so that no reason can lack its sentence.
macro_rules! reasons {
    ($($name:ident = $sentence:literal,)*) => {
        /// The reason why a message of the other process was refused.
        ///
        /// Each is one sentence, fit for the DETAIL of an error with SQLSTATE 08P01
        /// (`ERRCODE_PROTOCOL_VIOLATION`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Malformed {
            $(#[doc = $sentence] $name,)*
        }

        impl Malformed {
            /// Every reason there is.
            #[cfg(test)]
            pub(super) const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The reason as one English sentence in ASCII.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $sentence,)*
                }
            }
        }
    };
}

reasons! {
    // Any response.
    MessageLength = "The message is longer than any message can be.",
    HeaderShort = "The message is shorter than its header.",
    HeaderReserved = "The reserved bytes of the message header are not zero.",
    FrameShort = "A piece of a message is shorter than its head.",
    FrameLong = "A piece of a message is longer than any can be.",
    FrameExcess = "A piece of a message is longer than what is left of the message.",
    FrameUnexpected = "A piece continues a message that was never begun.",
    FramesCounted = "The number of pieces is not the one that the outcome record says.",
    MarkerDamaged = "A mark that points to the file makes no sense.",
    OutputDropped = "The worker has dropped output that was wanted.",
    FileShort = "The file of rows is shorter than it must be.",
    KindUnknown = "The message is of an unknown kind.",

    // Row descriptions.
    DescriptionRepeated = "There is a second row description.",
    DescriptionColumns = "The row description has more columns than a row can have.",
    ColumnTruncated = "The row description ends within a column.",
    ColumnType = "A column of the row description has no type.",
    ColumnNameUnterminated = "A column name in the row description has no end.",
    ColumnNameLong = "A column name in the row description is too long.",
    DescriptionTrailing = "Something follows the last column of the row description.",

    // Rows.
    RowUndescribed = "There is a row before the row description.",
    RowsNone = "The message of rows has none.",
    RowsTrailing = "Something follows the last row of the message.",
    TupleTruncated = "A row is longer than the message that holds it.",
    TupleLength = "A row is shorter than its header.",
    TupleAttributes = "A row has more columns than the row description.",
    TupleDataOffset = "The data of a row does not start where it must.",
    TupleExternal = "A row claims to have values stored out of line.",
    TupleOldOid = "A row has an object identifier of the old kind.",
    AttributeTruncated = "A value extends beyond its row.",
    AttributeWidth = "A row of fixed width has a value of variable width.",
    VarlenaExternal = "A value is stored out of line.",
    VarlenaLength = "The length of a value is shorter than its length word.",
    VarlenaUnaligned = "The length word of a value is not aligned.",
    VarlenaCompressed = "A compressed value is shorter than its header.",
    CstringUnterminated = "A cstring value does not end within its row.",

    // Notices and errors.
    ReportCount = "A message without rows or columns has a count.",
    ReportUnterminated = "The error or notice ends without a terminator.",
    ReportTrailing = "Something follows the terminator of the error or notice.",
    FieldUnterminated = "A field of the error or notice has no end.",
    FieldRepeated = "A field of the error or notice is there twice.",
    SeverityMissing = "The error or notice has no severity.",
    SeverityUnknown = "The error or notice has an unknown severity.",
    SeverityKind = "The severity is not one of this kind of message.",
    SqlstateMissing = "The error or notice has no SQLSTATE.",
    SqlstateInvalid = "The SQLSTATE is not five digits or upper-case letters.",
    MessageMissing = "The error or notice has no primary message.",

    // Requests.
    RequestShort = "The request is shorter than its fixed part.",
    RequestMagic = "The request does not start with the magic number.",
    RequestVersion = "The request has another version.",
    RequestFlags = "The request has unknown flags.",
    RequestBoolean = "A truth value of the request is neither 0 nor 1.",
    RequestSessionUser = "The request has no session user.",
    RequestCurrentUser = "The request has no current user.",
    RequestTimeout = "The time-out of the request is negative.",
    RequestTruncated = "The request ends within a section.",
    RequestPadding = "The padding between the sections of the request is not zero.",
    RequestTrailing = "Something follows the last section of the request.",
    RequestLibraries = "The list of libraries in the request has no end.",
    RequestSettings = "The settings in the request do not fill their section.",
    RequestLabel = "The label in the request is not one string.",
    RequestSnapshot = "The identifier of a snapshot in the request is not one string.",
    RequestChannel = "The channel in the request is not one string.",
    RequestSql = "The SQL in the request is not one string.",

    // Its parameters.
    ParametersHead = "The number of parameters in the request makes no sense.",
    ParametersTrailing = "Something follows the last parameter of the request.",
    ParameterTruncated = "The request ends within a parameter.",
    ParameterType = "A parameter of the request has no type.",
    ParameterKind = "A parameter of the request is neither null nor a value.",
    ParameterPadding = "The padding behind a parameter of the request is not zero.",

    // What it expects.
    ExpectedHead = "What the request expects of the rows makes no sense.",
    ExpectedColumns = "The columns that the request expects do not fill their section.",
    ExpectedType = "A column that the request expects has no type.",
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
