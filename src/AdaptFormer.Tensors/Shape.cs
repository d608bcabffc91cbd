using System.Collections;

namespace AdaptFormer.Tensors;

/// <summary>The lengths of a tensor's axes, outermost first; rows are contiguous. An empty shape is a scalar.</summary>
public readonly struct Shape : IEquatable<Shape>, IReadOnlyList<int>
{
    private readonly int[]? _dims;

    /// <summary>A shape with the given axis lengths, each at least 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A length is negative, or the product exceeds what an index can address.</exception>
    public Shape(params ReadOnlySpan<int> dims)
    {
        long length = 1;
        foreach (int dim in dims)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(dim, nameof(dims));
            length = checked(length * dim);
        }

        _dims = dims.ToArray();
        Length = length;
    }

    /// <summary>Number of axes.</summary>
    public int Rank => _dims?.Length ?? 0;

    /// <summary>Number of elements: the product of all axes, 1 for a scalar.</summary>
    public long Length { get => _dims is null ? 1 : field; }

    /// <inheritdoc/>
    public int Count => Rank;

    /// <summary>Length of one axis.</summary>
    public int this[int axis] => Dims[axis];

    /// <summary>Length of one axis, counted from the end for <c>^1</c>.</summary>
    public int this[Index axis] => Dims[axis];

    /// <summary>All axis lengths.</summary>
    public ReadOnlySpan<int> Dims => _dims;

    /// <summary>The product of all axes but the last: the number of rows when the tensor is read as a matrix.</summary>
    public long Rows => Rank == 0 ? 1 : this[^1] == 0 ? 0 : Length / this[^1];

    /// <summary>This shape with its last axis replaced.</summary>
    public Shape WithLast(int length)
    {
        int[] dims = Dims.ToArray();
        dims[^1] = length;
        return new Shape(dims);
    }

    /// <summary>This shape with its first axis replaced.</summary>
    public Shape WithFirst(int length)
    {
        int[] dims = Dims.ToArray();
        dims[0] = length;
        return new Shape(dims);
    }

    /// <inheritdoc/>
    public bool Equals(Shape other) => Dims.SequenceEqual(other.Dims);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Shape other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = new();
        foreach (int dim in Dims) hash.Add(dim);
        return hash.ToHashCode();
    }

    /// <summary>Equal axes, equal shapes.</summary>
    public static bool operator ==(Shape a, Shape b) => a.Equals(b);

    /// <summary>Whether any axis differs.</summary>
    public static bool operator !=(Shape a, Shape b) => !a.Equals(b);

    /// <summary>For example <c>[8, 197, 768]</c>.</summary>
    public override string ToString() => $"[{string.Join(", ", Dims.ToArray())}]";

    /// <inheritdoc/>
    public IEnumerator<int> GetEnumerator() => ((IEnumerable<int>)(_dims ?? [])).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
