namespace AdaptFormer.Files;

/// <summary>How a weights file stores the elements of a tensor; always little-endian.</summary>
public enum FileDataType
{
    /// <summary>One byte, 0 or 1.</summary>
    Bool,

    /// <summary>Unsigned, 1 byte.</summary>
    UInt8,

    /// <summary>Signed, 1 byte.</summary>
    Int8,

    /// <summary>Unsigned, 2 bytes.</summary>
    UInt16,

    /// <summary>Signed, 2 bytes.</summary>
    Int16,

    /// <summary>Unsigned, 4 bytes.</summary>
    UInt32,

    /// <summary>Signed, 4 bytes.</summary>
    Int32,

    /// <summary>Unsigned, 8 bytes.</summary>
    UInt64,

    /// <summary>Signed, 8 bytes.</summary>
    Int64,

    /// <summary>IEEE 754 half precision, 2 bytes.</summary>
    Float16,

    /// <summary>The upper half of a <see cref="Float32"/>, 2 bytes.</summary>
    BFloat16,

    /// <summary>IEEE 754 single precision, 4 bytes.</summary>
    Float32,

    /// <summary>IEEE 754 double precision, 8 bytes.</summary>
    Float64,
}

/// <summary>Sizes and safetensors names of <see cref="FileDataType"/> values.</summary>
public static class FileDataTypes
{
    // In the order of the enum.
    private static readonly string[] SafetensorsNames =
        ["BOOL", "U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64", "F16", "BF16", "F32", "F64"];

    private static readonly int[] Sizes = [1, 1, 1, 2, 2, 4, 4, 8, 8, 2, 2, 4, 8];

    /// <summary>All names that safetensors gives to the known types, for error messages.</summary>
    internal static string KnownSafetensorsNames => string.Join(", ", SafetensorsNames);

    /// <summary>Bytes of one element.</summary>
    public static int Size(this FileDataType type) => Sizes[(int)type];

    /// <summary>The name that safetensors headers use, for example <c>F32</c>.</summary>
    public static string SafetensorsName(this FileDataType type) => SafetensorsNames[(int)type];

    /// <summary>The type with this safetensors name.</summary>
    internal static bool TryParseSafetensors(string? name, out FileDataType type)
    {
        int index = Array.IndexOf(SafetensorsNames, name);
        type = (FileDataType)Math.Max(index, 0);
        return index >= 0;
    }
}
