using System.Collections.Immutable;
using AdaptFormer.Tensors;

namespace AdaptFormer.Files;

/// <summary>One tensor of a <see cref="WeightsFile"/>: its name, type and shape, known without reading its elements.</summary>
public sealed class WeightsEntry
{
    internal WeightsEntry(
        string name, FileDataType type, Shape shape, StoredBlock block, long offset, ImmutableArray<long> strides = default)
    {
        (Name, Type, Shape) = (name, type, shape);
        (Block, Offset, Strides) = (block, offset, strides);
    }

    /// <summary>The name that the file gives to the tensor.</summary>
    public string Name { get; }

    /// <summary>How the elements are stored.</summary>
    public FileDataType Type { get; }

    /// <summary>Lengths of the axes, outermost first; a scalar has none.</summary>
    public Shape Shape { get; }

    /// <summary>The product of all axes, 1 for a scalar.</summary>
    public long ElementCount => Shape.Length;

    /// <summary>Bytes of all elements when stored in row-major order.</summary>
    public long ByteLength => ElementCount * Type.Size();

    /// <summary>Where the bytes are.</summary>
    internal StoredBlock Block { get; }

    /// <summary>Bytes from the start of the block to the first element.</summary>
    internal long Offset { get; }

    /// <summary>Elements from one index to the next, per axis; default when the elements are row-major without gaps.</summary>
    internal ImmutableArray<long> Strides { get; }

    /// <summary>Whether the elements lie in row-major order without gaps.</summary>
    internal bool IsContiguous => Strides.IsDefault;

    /// <summary>For example <c>blocks.0.mlp.fc1.weight Float32 [3072, 768]</c>.</summary>
    public override string ToString() => $"{Name} {Type} {Shape}";
}
