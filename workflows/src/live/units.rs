//! Units as people write them.

/// The symbols of the commoner of DTDL's units.
const SYMBOLS: &[(&str, &str)] = &[
    ("ampere", "A"),
    ("bar", "bar"),
    ("celsius", "°C"),
    ("centimetre", "cm"),
    ("cubicMetre", "m³"),
    ("degreeCelsius", "°C"),
    ("degreeFahrenheit", "°F"),
    ("degreeOfArc", "°"),
    ("gram", "g"),
    ("hertz", "Hz"),
    ("hour", "h"),
    ("joule", "J"),
    ("kelvin", "K"),
    ("kilogram", "kg"),
    ("kilohertz", "kHz"),
    ("kilometre", "km"),
    ("kilometrePerHour", "km/h"),
    ("kilopascal", "kPa"),
    ("kilowatt", "kW"),
    ("kilowattHour", "kWh"),
    ("litre", "l"),
    ("litrePerSecond", "l/s"),
    ("lux", "lx"),
    ("metre", "m"),
    ("metrePerSecond", "m/s"),
    ("metrePerSecondSquared", "m/s²"),
    ("millimetre", "mm"),
    ("minute", "min"),
    ("newton", "N"),
    ("newtonMetre", "Nm"),
    ("pascal", "Pa"),
    ("percent", "%"),
    ("revolutionPerMinute", "rpm"),
    ("second", "s"),
    ("volt", "V"),
    ("watt", "W"),
];

/// The symbol of a unit, or its name where it has none here.
pub(super) fn symbol(unit: &str) -> &str {
    match SYMBOLS.binary_search_by(|(name, _)| (*name).cmp(unit)) {
        Ok(index) => SYMBOLS[index].1,
        Err(_) => unit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_units_have_symbols_and_others_keep_their_names() {
        assert!(SYMBOLS.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(symbol("degreeCelsius"), "°C");
        assert_eq!(symbol("furlongPerFortnight"), "furlongPerFortnight");
    }
}
