
namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>
/// A weight W [O, I] in the form that a matrix product reads: packed when it is frozen, plain when every step changes it.
/// </summary>
internal sealed class WeightForm : IDerivedForm
{
    private readonly IDisposable? _owned;

    private WeightForm(nint pointer, Operand layout, bool packed, IDisposable? owned) =>
        (Pointer, Layout, IsPacked, _owned) = (pointer, layout, packed, owned);

    public nint Pointer { get; }

    public Operand Layout { get; }

    public bool IsPacked { get; }

    /// <summary>Bytes that this form holds beside the plain numbers.</summary>
    public long OwnedBytes => _owned switch { PackedMatrix packed => packed.Bytes, Tensor copy => copy.Bytes, _ => 0 };

    /// <summary>
    /// The right operand of y = x·Wᵀ (forward: Wᵀ, [I, O]) or of dx = dy·W (backward: W, [O, I]) in <paramref name="type"/>. Forms of
    /// parameters are cached with them; a frozen one is packed once per direction.
    /// </summary>
    public static WeightForm Of(Tensor weight, DataType type, bool backward, MatMulLibrary library)
    {
        if (weight is not Parameter parameter) return Plain(weight.As(type), backward, owned: null);
        if (parameter.Trainable)
        {
            if (type == DataType.Float32) return Plain(parameter, backward, owned: null);
            WeightForm copy = parameter.Derived(type, () =>
            {
                Tensor converted = new(weight.Shape, type, HostStorage.Rent(weight.Length * type.Size()), scoped: false);
                CpuBackend.Convert(weight, converted);
                return Plain(converted, backward: false, owned: converted);
            });
            return new WeightForm(copy.Pointer, LayoutOf(weight, type, backward), packed: false, owned: null);
        }

        return parameter.Derived((library, type, backward), () => Packed(parameter, type, backward, library));
    }

    /// <summary>
    /// The right operand of y = x·Wᵀ in <paramref name="type"/>, packed also when the weight trains: for predictions, between which it
    /// seldom changes.
    /// </summary>
    public static WeightForm Packed(Parameter weight, DataType type, MatMulLibrary library) =>
        weight.Derived((library, type, false), () => Packed(weight, type, backward: false, library));

    /// <inheritdoc/>
    public void Dispose() => _owned?.Dispose();

    private static WeightForm Plain(Tensor weight, bool backward, IDisposable? owned) =>
        new(weight.Pointer, LayoutOf(weight, weight.Type, backward), packed: false, owned);

    private static WeightForm Packed(Parameter weight, DataType type, bool backward, MatMulLibrary library)
    {
        (int o, int i) = weight.AsMatrix();
        Operand source = LayoutOf(weight, weight.Type, backward);
        PackedMatrix packed = backward
            ? library.Pack(o, i, weight.Pointer, source, type)
            : library.Pack(i, o, weight.Pointer, source, type);
        weight.ReleasePages();
        return new WeightForm(packed.Pointer, Operand.Dense(type, backward ? i : o), packed: true, packed);
    }

    private static Operand LayoutOf(Tensor weight, DataType type, bool backward) =>
        backward ? Operand.Dense(type, weight.AsMatrix().Columns) : Operand.Transposed(type, weight.AsMatrix().Columns);
}
