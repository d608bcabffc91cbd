using AdaptFormer.Tensors;

namespace AdaptFormer.Export;

/// <summary>
/// Which memory holds values that depend on the input. Tensors come and go, and several may show the same memory; what a pass writes and
/// reads are places in memory. Everything else holds real numbers.
/// </summary>
internal sealed class TracedMemory
{
    private readonly Dictionary<Storage, List<Piece>> _pieces = new(ReferenceEqualityComparer.Instance);

    /// <summary>Whether the tensor shows anything that depends on the input.</summary>
    public bool Holds(Tensor? tensor) => tensor is not null && Overlapping(tensor).Any();

    /// <summary>What the tensor's whole memory holds; null where it is real numbers.</summary>
    /// <exception cref="NotSupportedException">It shows a part of a value, or several.</exception>
    public object? Find(Tensor tensor)
    {
        Piece[] found = [.. Overlapping(tensor)];
        if (found.Length == 0) return null;
        if (found.Length == 1 && found[0].Start == tensor.OffsetBytes && found[0].End == tensor.OffsetBytes + tensor.Bytes)
            return found[0].Value;
        throw new NotSupportedException(
            $"export: the model reads {tensor} out of {found.Length} values that were made apart, which a graph cannot say.");
    }

    /// <summary>The tensor's memory holds this value from now on; real numbers if null.</summary>
    /// <exception cref="NotSupportedException">A part of another value would be left.</exception>
    public void Set(Tensor tensor, object? value)
    {
        (long start, long end) = (tensor.OffsetBytes, tensor.OffsetBytes + tensor.Bytes);
        foreach (Piece old in Overlapping(tensor).ToList())
        {
            if (old.Start < start || old.End > end)
                throw new NotSupportedException($"export: the model writes {tensor} over a part of another value, which a graph "
                    + "cannot say.");
            _pieces[tensor.Storage].Remove(old);
        }

        if (value is null) return;
        if (!_pieces.TryGetValue(tensor.Storage, out List<Piece>? pieces)) _pieces[tensor.Storage] = pieces = [];
        pieces.Add(new Piece(start, end, value));
    }

    private IEnumerable<Piece> Overlapping(Tensor tensor)
    {
        if (!_pieces.TryGetValue(tensor.Storage, out List<Piece>? pieces)) return [];
        return pieces.Where(piece => piece.Start < tensor.OffsetBytes + tensor.Bytes && piece.End > tensor.OffsetBytes);
    }

    private sealed record Piece(long Start, long End, object Value);
}
