//! Azure: Resource Manager, Digital Twins and IoT Hub clients.
