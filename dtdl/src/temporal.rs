//! The text forms of dates, times and durations (RFC 3339, ISO 8601).

/// Whether a text is a full-date of RFC 3339 (`2024-05-31`), of a day that exists.
///
/// ```
/// assert!(dtdl::temporal::is_date("2024-02-29") && !dtdl::temporal::is_date("2023-02-29"));
/// ```
#[must_use]
pub fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return false;
    }
    match (number(&bytes[..4]), number(&bytes[5..7]), number(&bytes[8..])) {
        (Some(year), Some(month), Some(day)) => (1..=days(year, month)).contains(&day),
        _ => false,
    }
}

/// Whether a text is a date-time of RFC 3339 (`2024-05-31T09:30:00.5+02:00`).
///
/// ```
/// assert!(dtdl::temporal::is_date_time("2024-05-31T09:30:00Z") && !dtdl::temporal::is_date_time("2024-05-31T09:30:00"));
/// ```
#[must_use]
pub fn is_date_time(text: &str) -> bool {
    text.split_once('T').is_some_and(|(date, time)| is_date(date) && is_time(time))
}

/// Whether a text is a full-time of RFC 3339 (`09:30:00Z`), with its offset.
///
/// ```
/// assert!(dtdl::temporal::is_time("09:30:00.5+02:00") && !dtdl::temporal::is_time("9:30"));
/// ```
#[must_use]
pub fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some(clock) = bytes.get(..8).filter(|clock| clock[2] == b':' && clock[5] == b':') else { return false };
    let parts = (number(&clock[..2]), number(&clock[3..5]), number(&clock[6..]));
    let (Some(0..=23), Some(0..=59), Some(0..=60)) = parts else { return false };
    is_offset(after_fraction(&bytes[8..]))
}

/// What follows a fraction of seconds, where there is one.
fn after_fraction(rest: &[u8]) -> &[u8] {
    let Some(digits) = rest.strip_prefix(b".") else { return rest };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 { rest } else { &digits[count..] }
}

fn is_offset(bytes: &[u8]) -> bool {
    match bytes {
        [b'Z'] => true,
        [b'+' | b'-', rest @ ..] if rest.len() == 5 && rest[2] == b':' => {
            matches!((number(&rest[..2]), number(&rest[3..])), (Some(0..=23), Some(0..=59)))
        }
        _ => false,
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    let fold = |sum: u32, byte: &u8| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0'));
    digits.iter().try_fold(0, fold)
}

fn days(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    }
}

/// Whether a text is a duration of ISO 8601 (`P1Y2M`, `P3W`, `PT1H30.5S`); only the last part has a fraction.
///
/// ```
/// assert!(dtdl::temporal::is_duration("PT1H30M") && !dtdl::temporal::is_duration("1h30m"));
/// ```
#[must_use]
pub fn is_duration(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('P') else { return false };
    let (date, time) = rest.split_once('T').map_or((rest, None), |(date, time)| (date, Some(time)));
    let weeks_alone = !date.contains('W') || !(date.contains('Y') || date.contains('M'));
    let date_fits = is_parts(date, "YMWD", time.is_none());
    let time_fits = time.is_none_or(|time| !time.is_empty() && is_parts(time, "HMS", true));
    !rest.is_empty() && weeks_alone && date_fits && time_fits
}

/// Numbers with designators in this order, each at most once; a fraction at most in the last, where allowed.
fn is_parts(mut text: &str, mut designators: &str, fraction: bool) -> bool {
    while !text.is_empty() {
        let Some(end) = text.find(|c: char| c.is_ascii_alphabetic()) else { return false };
        let last = end + 1 == text.len();
        let Some(place) = designators.find(&text[end..=end]) else { return false };
        if !is_amount(&text[..end], fraction && last) {
            return false;
        }
        designators = &designators[place + 1..];
        text = &text[end + 1..];
    }
    true
}

fn is_amount(text: &str, fraction: bool) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        Some((whole, part)) => fraction && digits(whole) && digits(part),
        None => digits(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_exist() {
        assert!(is_date("2024-02-29"));
        for text in ["2023-02-29", "1900-02-29", "2024-13-01", "2024-04-31", "2024-1-1", "24-01-01", "2024-01-01Z"] {
            assert!(!is_date(text), "{text}");
        }
    }

    #[test]
    fn times_have_an_offset() {
        for text in ["00:00:00Z", "23:59:60.123-08:00", "09:30:00+05:30"] {
            assert!(is_time(text), "{text}");
        }
        for text in ["00:00:00", "24:00:00Z", "9:30:00Z", "09:30Z", "09:30:00.Z", "09:30:00+5", "", "09:30:0ä"] {
            assert!(!is_time(text), "{text}");
        }
        assert!(is_date_time("2024-05-31T09:30:00Z"));
        assert!(!is_date_time("2024-05-31 09:30:00Z"));
    }

    #[test]
    fn durations_keep_their_order() {
        for text in ["P1Y2M3DT4H5M6S", "P3W", "PT0.5S", "P1.5D", "PT36H", "P0D"] {
            assert!(is_duration(text), "{text}");
        }
        for text in ["", "P", "PT", "P1", "1D", "P1DT", "P1M1Y", "P1Y1W", "PT1.5H1M", "P-1D", "P1S", "PT1D", "P1ä"] {
            assert!(!is_duration(text), "{text}");
        }
    }
}
