namespace AdaptFormer.Tensors;

/// <summary>How the numbers of a tensor are stored. Arithmetic accumulates in <see cref="Float32"/> whatever the storage.</summary>
public enum DataType
{
    /// <summary>IEEE 754 single precision, 4 bytes.</summary>
    Float32,

    /// <summary>bfloat16: the upper half of a <see cref="Float32"/>, rounded to nearest even, 2 bytes.</summary>
    BFloat16,

    /// <summary>One byte whose meaning only the op that wrote it knows.</summary>
    Code8,

    /// <summary>Two bytes whose meaning only the op that wrote them knows.</summary>
    Code16,
}

/// <summary>Sizes and names of <see cref="DataType"/> values.</summary>
public static class DataTypes
{
    /// <summary>Bytes of one element.</summary>
    public static int Size(this DataType type) => type switch { DataType.Float32 => 4, DataType.BFloat16 or DataType.Code16 => 2, _ => 1 };
}
