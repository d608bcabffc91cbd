using System.Numerics;
using AdaptFormer.Cuda.Native;

namespace AdaptFormer.Cuda;

/// <summary>The sizes and types of a product: everything that its algorithm depends on.</summary>
internal readonly record struct ProductShape(
    int Rows, int Columns, int Inner, int Batch, bool TransposeA, bool TransposeB, bool BFloat16, bool BFloat16Result, long StrideA,
    long StrideB, long StrideC, int Epilogue);

/// <summary>
/// Matrix products by cuBLASLt. The algorithm for a shape is chosen once and kept, so that a product gives the same bits every time;
/// parts of a split sum are added in a fixed order. f32 products are f32 throughout unless TF32 was asked for.
/// </summary>
internal sealed unsafe class MatMulPlans
{
    /// <summary>Environment variable: <c>on</c> lets f32 products round their inputs to 10 bits (TF32), several times faster.</summary>
    public const string Tf32Variable = "ADAPTFORMER_TF32";

    private const ulong WorkspaceBytes = 32 << 20;
    private const int FullAlignment = 256;
    private readonly ProductApi _api;
    private readonly CudaContext _context;
    private readonly Dictionary<(ProductShape, int), Plan> _plans = [];
    private readonly Lock _gate = new();
    private readonly nint _handle, _workspace;
    private readonly int _float32 =
        string.Equals(Environment.GetEnvironmentVariable(Tf32Variable), "on", StringComparison.OrdinalIgnoreCase)
        ? ProductApi.InTensorFloat32 : ProductApi.InFloat32;

    public MatMulPlans(ProductApi api, CudaContext context)
    {
        (_api, _context) = (api, context);
        nint handle, workspace;
        ProductApi.Check(api.Create(&handle), "cublasLtCreate");
        context.Driver.Check(context.Driver.Allocate(&workspace, (nuint)WorkspaceBytes), "cuMemAlloc");
        (_handle, _workspace) = (handle, workspace);
    }

    /// <summary>D = f(alpha·A·B + beta·C + bias); see <see cref="ProductShape"/>.</summary>
    /// <param name="shape">Sizes and types.</param>
    /// <param name="a">[M, K].</param>
    /// <param name="b">[K, N].</param>
    /// <param name="c">[M, N], of D's type; read if beta is not 0.</param>
    /// <param name="d">[M, N].</param>
    /// <param name="alpha">Factor of the product.</param>
    /// <param name="beta">Factor of C.</param>
    /// <param name="bias">N numbers of D's type, where the epilogue says so.</param>
    public void Multiply(in ProductShape shape, nint a, nint b, nint c, nint d, float alpha, float beta, nint bias)
    {
        _context.Enter();
        lock (_gate)
        {
            // The library's matrices have their columns one after another: it gets Cᵀ = Bᵀ·Aᵀ, so B comes first.
            int alignment = Alignment(a | b | c | d);
            if (!_plans.TryGetValue((shape, alignment), out Plan? plan)) _plans[(shape, alignment)] = plan = MakePlan(shape, alignment);
            if (bias != 0) Set(plan.Desc, ProductApi.BiasPointer, bias);
            fixed (byte* algorithm = plan.Algorithm)
                ProductApi.Check(_api.Multiply(_handle, plan.Desc, &alpha, b, plan.First, a, plan.Second, &beta, c, plan.Result, d,
                    plan.Result, algorithm, _workspace, (nuint)WorkspaceBytes, _context.Compute), $"cublasLtMatmul of {shape}");
        }
    }

    private static int Alignment(nint addresses) => addresses == 0 ? FullAlignment
        : Math.Min(FullAlignment, 1 << BitOperations.TrailingZeroCount((ulong)addresses));

    private Plan MakePlan(in ProductShape s, int alignment)
    {
        nint desc, preference;
        ProductApi.Check(_api.DescCreate(&desc, s.BFloat16 ? ProductApi.InFloat32 : _float32, ProductApi.Float32),
            "cublasLtMatmulDescCreate");
        Set(desc, ProductApi.TransposeA, s.TransposeB ? 1 : 0);
        Set(desc, ProductApi.TransposeB, s.TransposeA ? 1 : 0);
        Set(desc, ProductApi.Epilogue, s.Epilogue);
        (int input, int output) = (Type(s.BFloat16), Type(s.BFloat16Result));
        nint first = s.TransposeB
            ? Layout(input, s.Inner, s.Columns, s.Batch, s.StrideB) : Layout(input, s.Columns, s.Inner, s.Batch, s.StrideB);
        nint second = s.TransposeA
            ? Layout(input, s.Rows, s.Inner, s.Batch, s.StrideA) : Layout(input, s.Inner, s.Rows, s.Batch, s.StrideA);
        nint result = Layout(output, s.Columns, s.Rows, s.Batch, s.StrideC);
        ProductApi.Check(_api.PreferenceCreate(&preference), "cublasLtMatmulPreferenceCreate");
        try
        {
            (ulong workspace, uint schemes) = (WorkspaceBytes, ProductApi.ReduceInComputeType);
            Prefer(preference, ProductApi.WorkspaceBytes, &workspace, sizeof(ulong));
            Prefer(preference, ProductApi.ReductionSchemes, &schemes, sizeof(uint));
            for (int operand = 0; operand < 4; operand++) Prefer(preference, ProductApi.AlignmentOfA + operand, &alignment, sizeof(int));
            int found;
            byte[] answer = new byte[ProductApi.ResultBytes];
            fixed (byte* results = answer)
            {
                int code = _api.Heuristic(_handle, desc, first, second, result, result, preference, 1, results, &found);
                if (code != 0 || found == 0)
                    throw new CudaException($"CUDA: cuBLASLt has no algorithm for {s}, aligned to {alignment} bytes (status {code}).");
            }

            return new Plan(desc, first, second, result, answer[..ProductApi.AlgorithmBytes]);
        }
        finally
        {
            _ = _api.PreferenceDestroy(preference);
        }
    }

    private void Prefer(nint preference, int attribute, void* value, int size) =>
        ProductApi.Check(_api.PreferenceSet(preference, attribute, value, (nuint)size), "cublasLtMatmulPreferenceSetAttribute");

    private static int Type(bool bfloat16) => bfloat16 ? ProductApi.BFloat16 : ProductApi.Float32;

    private nint Layout(int type, int rows, int columns, int batch, long stride)
    {
        nint layout;
        ProductApi.Check(_api.LayoutCreate(&layout, type, (ulong)rows, (ulong)columns, rows), "cublasLtMatrixLayoutCreate");
        if (batch == 1) return layout;
        ProductApi.Check(_api.LayoutSet(layout, ProductApi.BatchCount, &batch, sizeof(int)), "cublasLtMatrixLayoutSetAttribute");
        ProductApi.Check(_api.LayoutSet(layout, ProductApi.BatchStride, &stride, sizeof(long)), "cublasLtMatrixLayoutSetAttribute");
        return layout;
    }

    private void Set(nint desc, int attribute, int value) =>
        ProductApi.Check(_api.DescSet(desc, attribute, &value, sizeof(int)), "cublasLtMatmulDescSetAttribute");

    private void Set(nint desc, int attribute, nint value) =>
        ProductApi.Check(_api.DescSet(desc, attribute, &value, (nuint)sizeof(nint)), "cublasLtMatmulDescSetAttribute");

    private sealed record Plan(nint Desc, nint First, nint Second, nint Result, byte[] Algorithm);
}
