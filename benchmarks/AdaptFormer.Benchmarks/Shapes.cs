using AdaptFormer.Tensors.Backends.Cpu;

namespace AdaptFormer.Benchmarks;

/// <summary>A product named for its work.</summary>
public sealed record MatMulShape(string Name)
{
    internal MatMulShape(string name, MatMulKey key)
        : this(name) => Key = key;

    internal MatMulKey Key { get; }

    /// <summary>Multiplications and additions.</summary>
    public double Operations => 2.0 * Key.Batch * Key.M * Key.N * Key.K;

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>An array of rows named for its work.</summary>
public sealed record ArrayShape(string Name, int Rows, int Columns)
{
    /// <summary>Numbers in it.</summary>
    public int Elements => Rows * Columns;

    /// <inheritdoc/>
    public override string ToString() => Name;
}
