namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>
/// Where the elements of one operand lie: element (b, r, c) is at <c>b·BatchStride + r·RowStride + c·ColumnStride</c>, in elements.
/// </summary>
/// <param name="Type">Storage type.</param>
/// <param name="RowStride">Elements from one row to the next.</param>
/// <param name="ColumnStride">Elements from one column to the next.</param>
/// <param name="BatchStride">Elements from one matrix of the batch to the next; ignored when the batch is 1.</param>
internal readonly record struct Operand(DataType Type, long RowStride, long ColumnStride, long BatchStride = 0)
{
    /// <summary>A dense row-major matrix with rows of <paramref name="columns"/> elements.</summary>
    public static Operand Dense(DataType type, long columns) => new(type, columns, 1);

    /// <summary>The transpose of a dense row-major matrix whose stored rows have <paramref name="storedColumns"/> elements.</summary>
    public static Operand Transposed(DataType type, long storedColumns) => new(type, 1, storedColumns);
}

/// <summary>
/// One matrix product, fully described: <c>t = A·B (+ bias)</c>, <c>t = epilogue(t)</c>, <c>C = Scale·t</c> or, when
/// <paramref name="Accumulate"/>, <c>C += Scale·t</c>. A is [Batch, M, K], B is [Batch, K, N], C is [Batch, M, N], bias is [N] in f32.
/// </summary>
/// <param name="Batch">Number of independent products, at least 1.</param>
/// <param name="M">Rows of A and C.</param>
/// <param name="N">Columns of B and C.</param>
/// <param name="K">Columns of A, rows of B.</param>
/// <param name="A">Layout of A.</param>
/// <param name="B">Layout of B; strides are ignored when <paramref name="PackedB"/>.</param>
/// <param name="C">Layout of C; its column stride is 1.</param>
/// <param name="PackedB">B is a <see cref="PackedMatrix"/> of the same library, with the same K, N and type. Then Batch is 1, and A and C
/// are dense.</param>
/// <param name="Bias">A bias row is added.</param>
/// <param name="Epilogue">Activation after the bias.</param>
/// <param name="Scale">Factor on the result, after bias and activation.</param>
/// <param name="Accumulate">Adds to C instead of overwriting it.</param>
internal readonly record struct MatMulKey(
    int Batch, int M, int N, int K, Operand A, Operand B, Operand C,
    bool PackedB = false, bool Bias = false, Epilogue Epilogue = Epilogue.None, float Scale = 1, bool Accumulate = false);

/// <summary>A product ready to run: immutable, shared by all threads, kept by the library for the life of the process.</summary>
internal abstract class MatMulPlan
{
    /// <summary>Which implementation runs, for <c>doctor</c> and the log.</summary>
    public abstract string Implementation { get; }

    /// <summary>
    /// Runs on the calling thread alone. Pointers are to elements of the types in the key; <paramref name="bias"/> is 0 without bias.
    /// </summary>
    public abstract void Run(Worker worker, nint a, nint b, nint bias, nint c);
}

/// <summary>A frozen K×N right operand, rearranged once into the layout that its library likes best. Owns its memory.</summary>
internal abstract class PackedMatrix : IDisposable
{
    /// <summary>First byte, 64-byte aligned: the <c>b</c> of <see cref="MatMulPlan.Run"/>.</summary>
    public abstract nint Pointer { get; }

    /// <summary>Bytes of native memory held.</summary>
    public abstract long Bytes { get; }

    /// <inheritdoc/>
    public abstract void Dispose();
}

/// <summary>
/// A provider of matrix products on the CPU: the managed SIMD kernels or oneDNN. Everything above this seam is the same for both.
/// All calls are safe from several threads at once, and one product gives the same bits whatever thread runs it.
/// </summary>
internal abstract class MatMulLibrary
{
    /// <summary>Opens the native library of this machine, null when there is none; set when the code that binds it is loaded.</summary>
    public static Func<MatMulLibrary?>? Native { get; set; }

    /// <summary>For example <c>oneDNN 2.6.3</c> or <c>managed AVX-512</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Whether bf16 operands run faster here than f32 ones; what precision <c>auto</c> asks. Known, never timed: it is the same
    /// at every start.</summary>
    public abstract bool FastBFloat16 { get; }

    /// <summary>
    /// The plan for <paramref name="key"/>, from the library's cache or made now. Never null: what oneDNN would run slowly the managed
    /// kernels run.
    /// </summary>
    public abstract MatMulPlan Plan(in MatMulKey key);

    /// <summary>Packs B [K, N] for products with <see cref="MatMulKey.PackedB"/>.</summary>
    /// <param name="k">Rows of B.</param>
    /// <param name="n">Columns of B.</param>
    /// <param name="source">First element of B.</param>
    /// <param name="layout">Type and strides of the source.</param>
    /// <param name="type">Type to pack to, the type of B in the key.</param>
    public abstract PackedMatrix Pack(int k, int n, nint source, Operand layout, DataType type);

    /// <summary>Arranges a frozen right operand of 8-bit whole numbers, given by its columns, [N, K].</summary>
    public virtual unsafe ByteMatrix PackBytes(int k, int n, sbyte* codes) => new ManagedByteMatrix(k, n, codes);
}
