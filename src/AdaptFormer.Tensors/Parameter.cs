
namespace AdaptFormer.Tensors;

/// <summary>
/// A weight: a tensor that outlives every pass. Frozen by default; a trainable one collects its gradient in <see cref="Tensor.Grad"/>.
/// Forms derived from its numbers (packed or bf16 copies for the matrix products) are cached here and follow its version.
/// </summary>
public sealed unsafe class Parameter : Tensor
{
    private readonly Lock _gate = new();
    private readonly Dictionary<object, (long Version, IDerivedForm Form)> _derived = [];
    private Action? _releasePages;
    private bool _flat;

    private Parameter(Shape shape, Storage storage, Action? releasePages)
        : base(shape, DataType.Float32, storage, scoped: false) => _releasePages = releasePages;

    /// <summary>Whether training changes it.</summary>
    public bool Trainable { get; set; }

    /// <summary>
    /// Whether predictions may read this matrix in 8-bit whole numbers, one step for each of its rows; only while it is frozen. The exact
    /// numbers stay what they are.
    /// </summary>
    public bool InBytes
    {
        get;
        set
        {
            field = value;
            DropForms();
        }
    }

    /// <inheritdoc/>
    public override bool NeedsGrad => Trainable;

    /// <summary>Counts changes of the numbers; derived forms of an older version are made anew.</summary>
    internal long Version { get; private set; }

    /// <summary>A frozen parameter with undefined contents.</summary>
    public static Parameter Empty(Shape shape) => new(shape, Backend.Current.Allocate(shape.Length * sizeof(float)), null);

    /// <summary>A frozen parameter that holds a copy of <paramref name="values"/>.</summary>
    /// <exception cref="ArgumentException">The number of values is not the shape's.</exception>
    public static new Parameter From(ReadOnlySpan<float> values, Shape shape)
    {
        if (values.Length != shape.Length)
            throw new ArgumentException($"Parameter.From: {shape} has {shape.Length} elements, got {values.Length} values.");
        Parameter parameter = Empty(shape);
        parameter.CopyFrom(values);
        return parameter;
    }

    /// <summary>A parameter filled with one value.</summary>
    public static new Parameter Full(Shape shape, float value)
    {
        Parameter parameter = Empty(shape);
        new FillCall(parameter, value).Run();
        return parameter;
    }

    /// <summary>
    /// A parameter of zeros, which takes memory when it is first read or written: one that is loaded from a mapped file never does.
    /// </summary>
    public static new Parameter Zeros(params ReadOnlySpan<int> dims)
    {
        Shape shape = new(dims);
        return new Parameter(shape, Backend.Current.AllocateZeros(shape.Length * sizeof(float)), null);
    }

    /// <summary>
    /// Reads the numbers in place from memory that <paramref name="owner"/> keeps alive (a mapped weights file).
    /// <paramref name="releasePages"/> is called once a packed copy exists, so that the plain numbers need not stay resident. A parameter
    /// that is part of <see cref="FlatParameters"/> copies them instead, and one on another device than the host when they are first
    /// read.
    /// </summary>
    public void Borrow(nint pointer, object owner, Action? releasePages)
    {
        if (_flat || Device != Device.Host)
        {
            if (!_flat && Backend.For(Device).Mapped(pointer, Length * sizeof(float), owner) is { } later)
            {
                Rebind(later);
                (_releasePages, IsBorrowed) = (releasePages, true);
                Changed();
                return;
            }

            Assign(new ReadOnlySpan<float>((void*)pointer, checked((int)Length)));
            GC.KeepAlive(owner);
            return;
        }

        Rebind(HostStorage.Borrow(pointer, Length * sizeof(float), owner));
        (_releasePages, IsBorrowed) = (releasePages, true);
        Changed();
    }

    /// <summary>
    /// Frees the plain numbers as soon as a product has packed them: for a weight that is frozen for good and read by products of one kind,
    /// so that it is held once. Whatever reads the numbers otherwise afterwards ends in an error.
    /// </summary>
    public void KeepPackedOnly()
    {
        Trainable = false;
        _releasePages = FreePlain;
    }

    /// <summary>Bytes of memory that the numbers hold in all their forms, borrowed memory left out.</summary>
    public long ResidentBytes
    {
        get
        {
            long plain = IsAlive && !IsBorrowed ? Bytes : 0;
            lock (_gate) return plain + _derived.Values.Sum(entry => entry.Form.OwnedBytes);
        }
    }

    /// <summary>Copies <paramref name="values"/> in.</summary>
    /// <exception cref="ArgumentException">The number of values is not the shape's.</exception>
    public void Assign(ReadOnlySpan<float> values)
    {
        if (values.Length != Length)
            throw new ArgumentException($"Parameter.Assign: {Shape} has {Length} elements, got {values.Length} values.");
        if (IsBorrowed) Leave();
        CopyFrom(values);
        Changed();
    }

    /// <summary>
    /// Lets <paramref name="write"/> change the numbers in place, on their device; those of a mapped file are copied first.
    /// </summary>
    public void Update(Action<Tensor> write)
    {
        if (IsBorrowed) Leave();
        write(this);
        Changed();
    }

    /// <summary>Tells that the numbers were changed in place.</summary>
    public void Changed()
    {
        Version++;
        DropCopies();
    }

    /// <summary>Whether the numbers lie in somebody else's memory and must not be written there.</summary>
    internal bool IsBorrowed { get; private set; }

    /// <summary>The place where gradients are summed, zero at first.</summary>
    internal Tensor GradBuffer() => Grad ??= new Tensor(Shape, DataType.Float32, Backend.For(Device).AllocateZeros(Bytes), scoped: false);

    /// <summary>Moves numbers and gradient into slices of flat buffers, so that the optimizer and an all-reduce see one vector.</summary>
    internal void MoveTo(Tensor values, Tensor gradients, long offset)
    {
        MoveTo(values.Storage.Retain(), values.OffsetBytes + (offset * sizeof(float)));
        Grad?.Dispose();
        long at = gradients.OffsetBytes + (offset * sizeof(float));
        (Grad, _flat) = (new Tensor(Shape, DataType.Float32, gradients.Storage.Retain(), at, scoped: false), true);
    }

    /// <summary>Leaves flat buffers: the numbers move into memory of their own, the gradient is forgotten.</summary>
    internal void MoveOut()
    {
        Grad?.Dispose();
        (Grad, _flat) = (null, false);
        if (IsAlive) Leave();
    }

    /// <summary>
    /// The form of this parameter named by <paramref name="key"/>, made by <paramref name="make"/> when it is not there or older than the
    /// numbers. One thread makes it; others wait.
    /// </summary>
    internal T Derived<T>(object key, Func<T> make) where T : class, IDerivedForm
    {
        lock (_gate)
        {
            if (_derived.TryGetValue(key, out var entry))
            {
                if (entry.Version == Version) return (T)entry.Form;
                entry.Form.Dispose();
            }

            T form = make();
            _derived[key] = (Version, form);
            return form;
        }
    }

    /// <summary>The plain numbers were copied into a packed form; a mapped file's pages need not stay in memory for them.</summary>
    internal void ReleasePages() => _releasePages?.Invoke();

    /// <summary>Moves the numbers into memory of their own.</summary>
    private void Leave() => MoveTo(Backend.For(Device).Allocate(Bytes), 0);

    private void MoveTo(Storage values, long offsetBytes)
    {
        using Tensor before = new(Shape, DataType.Float32, Storage.Retain(), OffsetBytes, scoped: false);
        Rebind(values, offsetBytes);
        new CopyCall(before, this).Run();
        (_releasePages, IsBorrowed) = (null, false);
        Changed();
    }

    private void DropForms()
    {
        lock (_gate)
        {
            foreach ((_, IDerivedForm form) in _derived.Values) form.Dispose();
            _derived.Clear();
        }
    }


    private protected override void OnReleased()
    {
        DropForms();
        Grad?.Dispose();
        Grad = null;
    }
}

/// <summary>A form of a parameter that a backend derives from its numbers, such as a packed copy.</summary>
internal interface IDerivedForm : IDisposable
{
    /// <summary>Bytes that it holds beside the plain numbers.</summary>
    long OwnedBytes { get; }
}
