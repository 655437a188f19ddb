//! Semantic types of quantities, and the units that go with each.
//!
//! Version 2 of the language has them built in; version 3 takes them from the extension quantitativeTypes, which has
//! more. Sources: the tables "Semantic Type" of DTDL v2 and "Semantic types and units" of quantitativeTypes v1.

use std::collections::BTreeSet;

use crate::Version;
use crate::context::Context;

/// A semantic type and its unit type.
#[derive(Debug, PartialEq)]
pub(crate) struct Quantity {
    pub(crate) name: &'static str,
    /// The name of the type of its units.
    pub(crate) units: &'static str,
    in_v2: bool,
}

const fn both(name: &'static str, units: &'static str) -> Quantity {
    Quantity { name, units, in_v2: true }
}

const fn new(name: &'static str, units: &'static str) -> Quantity {
    Quantity { name, units, in_v2: false }
}

static QUANTITIES: [Quantity; 52] = [
    both("Acceleration", "AccelerationUnit"),
    both("Angle", "AngleUnit"),
    both("AngularAcceleration", "AngularAccelerationUnit"),
    both("AngularVelocity", "AngularVelocityUnit"),
    new("ApparentEnergy", "ApparentEnergyUnit"),
    new("ApparentPower", "ApparentPowerUnit"),
    both("Area", "AreaUnit"),
    both("Capacitance", "CapacitanceUnit"),
    new("Concentration", "Unitless"),
    both("Current", "CurrentUnit"),
    both("DataRate", "DataRateUnit"),
    both("DataSize", "DataSizeUnit"),
    both("Density", "DensityUnit"),
    both("Distance", "LengthUnit"),
    both("ElectricCharge", "ChargeUnit"),
    both("Energy", "EnergyUnit"),
    new("EnergyRate", "PowerUnit"),
    both("Force", "ForceUnit"),
    both("Frequency", "FrequencyUnit"),
    both("Humidity", "DensityUnit"),
    both("Illuminance", "IlluminanceUnit"),
    both("Inductance", "InductanceUnit"),
    new("IonizingRadiationDose", "IonizingRadiationDoseUnit"),
    new("Irradiance", "IrradianceUnit"),
    both("Latitude", "AngleUnit"),
    both("Length", "LengthUnit"),
    both("Longitude", "AngleUnit"),
    both("Luminance", "LuminanceUnit"),
    both("Luminosity", "PowerUnit"),
    both("LuminousFlux", "LuminousFluxUnit"),
    both("LuminousIntensity", "LuminousIntensityUnit"),
    both("MagneticFlux", "MagneticFluxUnit"),
    both("MagneticInduction", "MagneticInductionUnit"),
    both("Mass", "MassUnit"),
    both("MassFlowRate", "MassFlowRateUnit"),
    both("Power", "PowerUnit"),
    both("Pressure", "PressureUnit"),
    new("Radioactivity", "RadioactivityUnit"),
    new("ReactiveEnergy", "ReactiveEnergyUnit"),
    new("ReactivePower", "ReactivePowerUnit"),
    new("RelativeDensity", "Unitless"),
    both("RelativeHumidity", "Unitless"),
    both("Resistance", "ResistanceUnit"),
    both("SoundPressure", "SoundPressureUnit"),
    both("Temperature", "TemperatureUnit"),
    both("Thrust", "ForceUnit"),
    both("TimeSpan", "TimeUnit"),
    both("Torque", "TorqueUnit"),
    both("Velocity", "VelocityUnit"),
    both("Voltage", "VoltageUnit"),
    both("Volume", "VolumeUnit"),
    both("VolumeFlowRate", "VolumeFlowRateUnit"),
];

/// Unit types with their units in both versions, and those that version 3 adds; space-separated.
static UNITS: [(&str, &str, &str); 43] = [
    ("AccelerationUnit", "centimetrePerSecondSquared gForce metrePerSecondSquared", ""),
    ("AngleUnit", "degreeOfArc minuteOfArc radian secondOfArc turn", ""),
    ("AngularAccelerationUnit", "radianPerSecondSquared", ""),
    ("AngularVelocityUnit", "degreePerSecond radianPerSecond revolutionPerMinute revolutionPerSecond", ""),
    ("ApparentEnergyUnit", "", "gigavoltAmpereHour kilovoltAmpereHour megavoltAmpereHour voltAmpereHour"),
    ("ApparentPowerUnit", "", "gigavoltAmpere kilovoltAmpere megavoltAmpere millivoltAmpere voltAmpere"),
    (
        "AreaUnit",
        "acre hectare squareCentimetre squareFoot squareInch squareKilometre squareMetre squareMillimetre",
        "",
    ),
    ("CapacitanceUnit", "farad microfarad millifarad nanofarad picofarad", ""),
    ("ChargeUnit", "coulomb", "ampereHour milliampereHour"),
    ("CurrentUnit", "ampere microampere milliampere", "kiloampere"),
    (
        "DataRateUnit",
        "bitPerSecond bytePerSecond exbibitPerSecond exbibytePerSecond gibibitPerSecond gibibytePerSecond \
         kibibitPerSecond kibibytePerSecond mebibitPerSecond mebibytePerSecond tebibitPerSecond tebibytePerSecond \
         yobibitPerSecond yobibytePerSecond zebibitPerSecond zebibytePerSecond",
        "",
    ),
    (
        "DataSizeUnit",
        "bit byte exbibit exbibyte gibibit gibibyte kibibit kibibyte mebibit mebibyte tebibit tebibyte yobibit \
         yobibyte zebibit zebibyte",
        "",
    ),
    ("DensityUnit", "gramPerCubicMetre kilogramPerCubicMetre", "microgramPerCubicMetre milligramPerCubicMetre"),
    (
        "EnergyUnit",
        "electronvolt gigajoule joule kilojoule kilowattHour megaelectronvolt megajoule",
        "britishThermalUnit gigawattHour kiloBritishThermalUnit megawattHour milliwattHour terawattHour wattHour",
    ),
    ("ForceUnit", "newton ounce pound ton", ""),
    ("FrequencyUnit", "gigahertz hertz kilohertz megahertz", "millihertz"),
    ("IlluminanceUnit", "footcandle lux", ""),
    ("InductanceUnit", "henry microhenry millihenry", ""),
    ("IonizingRadiationDoseUnit", "", "gray microgray microsievert milligray millisievert sievert"),
    ("IrradianceUnit", "", "wattPerSquareMetre"),
    (
        "LengthUnit",
        "astronomicalUnit centimetre foot inch kilometre metre micrometre mile millimetre nanometre nauticalMile",
        "",
    ),
    ("LuminanceUnit", "candelaPerSquareMetre", ""),
    ("LuminousFluxUnit", "lumen", ""),
    ("LuminousIntensityUnit", "candela", ""),
    ("MagneticFluxUnit", "maxwell weber", ""),
    ("MagneticInductionUnit", "tesla", "gauss"),
    ("MassUnit", "gram kilogram microgram milligram slug tonne", "massPound"),
    ("MassFlowRateUnit", "gramPerHour gramPerSecond kilogramPerHour kilogramPerSecond", "massPoundPerHour"),
    (
        "PowerUnit",
        "gigawatt horsepower kilowatt kilowattHourPerYear megawatt microwatt milliwatt watt",
        "britishThermalUnitPerHour gigajoulePerHour joulePerHour joulePerSecond kiloBritishThermalUnitPerHour \
         kilojoulePerHour kilojoulePerSecond megajoulePerHour tonOfRefrigeration",
    ),
    (
        "PressureUnit",
        "bar inchesOfMercury inchesOfWater kilopascal millibar millimetresOfMercury pascal poundPerSquareInch",
        "decapascal hectopascal",
    ),
    ("RadioactivityUnit", "", "becquerel gigabecquerel kilobecquerel megabecquerel"),
    (
        "ReactiveEnergyUnit",
        "",
        "gigavoltAmpereReactiveHour kilovoltAmpereReactiveHour megavoltAmpereReactiveHour voltAmpereReactiveHour",
    ),
    (
        "ReactivePowerUnit",
        "",
        "gigavoltAmpereReactive kilovoltAmpereReactive megavoltAmpereReactive millivoltAmpereReactive \
         voltAmpereReactive",
    ),
    ("ResistanceUnit", "kiloohm megaohm milliohm ohm", ""),
    ("SoundPressureUnit", "bel decibel", ""),
    ("TemperatureUnit", "degreeCelsius degreeFahrenheit kelvin", ""),
    ("TimeUnit", "day hour microsecond millisecond minute nanosecond second year", ""),
    ("TorqueUnit", "newtonMetre", ""),
    ("Unitless", "percent unity", "partsPerBillion partsPerMillion partsPerQuadrillion partsPerTrillion"),
    (
        "VelocityUnit",
        "centimetrePerSecond kilometrePerHour kilometrePerSecond knot metrePerHour metrePerSecond milePerHour \
         milePerSecond",
        "",
    ),
    ("VoltageUnit", "kilovolt megavolt microvolt millivolt volt", ""),
    ("VolumeUnit", "cubicCentimetre cubicFoot cubicInch cubicMetre fluidOunce gallon litre millilitre", ""),
    (
        "VolumeFlowRateUnit",
        "litrePerHour litrePerSecond millilitrePerHour millilitrePerSecond",
        "cubicFootPerMinute cubicMetrePerHour cubicMetrePerMinute cubicMetrePerSecond gallonPerHour gallonPerMinute \
         litrePerMinute millilitrePerMinute",
    ),
];

/// The semantic type with this name, as a term or as a full identifier, where the context has it.
pub(crate) fn find(text: &str, context: Context) -> Option<&'static Quantity> {
    let name = strip(text, context.version, "class").unwrap_or(text);
    let known = |quantity: &&Quantity| quantity.name == name && (context.version == Version::V3 || quantity.in_v2);
    if context.has_quantities() { QUANTITIES.iter().find(known) } else { None }
}

/// Whether a text names a semantic type that the extension brings and version 2 cannot use.
pub(crate) fn is_too_new(text: &str, context: Context) -> bool {
    let new = |quantity: &Quantity| quantity.name == text && !quantity.in_v2;
    context.quantities && context.version == Version::V2 && QUANTITIES.iter().any(new)
}

/// Whether the context has a type of this name that no element can have by itself.
pub(crate) fn is_abstract(text: &str, context: Context) -> bool {
    let name = strip(text, context.version, "class").unwrap_or(text);
    context.has_quantities() && matches!(name, "QuantitativeType" | "RatioUnit" | "DecimalUnit" | "BinaryUnit")
}

/// The unit type whose units are exactly these.
pub(crate) fn unit_type_with(wanted: &BTreeSet<&str>) -> Option<&'static str> {
    UNITS.iter().map(|(known, ..)| *known).find(|known| units(known, Version::V3).collect::<BTreeSet<_>>() == *wanted)
}

/// The units of a unit type.
pub(crate) fn units(unit_type: &str, version: Version) -> impl Iterator<Item = &'static str> {
    let (_, old, new) = UNITS.iter().find(|(name, ..)| *name == unit_type).copied().unwrap_or_default();
    old.split_whitespace().chain(new.split_whitespace().filter(move |_| version == Version::V3))
}

/// The unit type with this name, which version 3 lets serve as a schema.
pub(crate) fn unit_type(text: &str, context: Context) -> Option<&'static str> {
    if !context.has_quantities() || context.version == Version::V2 {
        return None;
    }
    let name = strip(text, context.version, "enum").unwrap_or(text);
    UNITS.iter().map(|(known, ..)| *known).find(|known| *known == name)
}

/// The unit type of the semantic type with this name.
pub(crate) fn unit_type_of(semantic_type: &str) -> Option<&'static str> {
    QUANTITIES.iter().find(|quantity| quantity.name == semantic_type).map(|quantity| quantity.units)
}

impl Quantity {
    /// The units that go with it.
    pub(crate) fn unit_names(&self, version: Version) -> impl Iterator<Item = &'static str> + use<> {
        units(self.units, version)
    }

    /// The unit that a term or full identifier stands for, where it goes with this quantity.
    pub(crate) fn unit(&self, text: &str, version: Version) -> Option<&'static str> {
        let name = strip(text, version, "unit").unwrap_or(text);
        self.unit_names(version).find(|unit| *unit == name)
    }
}

/// Whether a term belongs to the vocabulary of quantities (a type, a unit type or a unit).
pub(crate) fn is_term(name: &str, context: Context) -> bool {
    let is_new = context.version == Version::V3;
    let is_unit = |units: &str| units.split_whitespace().any(|unit| unit == name);
    context.has_quantities()
        && (QUANTITIES.iter().any(|quantity| quantity.name == name && (is_new || quantity.in_v2))
            || UNITS.iter().any(|(class, old, new)| {
                (*class == name && (is_new || !old.is_empty())) || is_unit(old) || (is_new && is_unit(new))
            })
            || name == "unit")
}

/// Whether a key is that of the unit.
pub(crate) fn is_unit_key(key: &str, version: Version) -> bool {
    match version {
        Version::V2 => matches!(key, "unit" | "dtmi:dtdl:property:unit;2"),
        Version::V3 => matches!(key, "unit" | "dtmi:dtdl:extension:quantitativeTypes:v1:property:unit"),
    }
}

/// The term at the end of a full identifier of the vocabulary.
fn strip<'a>(text: &'a str, version: Version, kind: &str) -> Option<&'a str> {
    match version {
        Version::V2 => text.strip_prefix("dtmi:standard:")?.strip_prefix(kind)?.strip_prefix(':')?.strip_suffix(";2"),
        Version::V3 => {
            text.strip_prefix("dtmi:dtdl:extension:quantitativeTypes:v1:")?.strip_prefix(kind)?.strip_prefix(':')
        }
    }
}
